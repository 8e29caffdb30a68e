//! The tables and their columns. Logarithms are natural; what is missing is null, never 0 and never NaN.

use super::essay::{CLAIMS, CURVES, STATEMENTS};
use super::{Described, FATES, Table};

const MEMBER: Described = Described::column("member", "", "number of the member, from 0");
const STEP: Described = Described::column("step", "steps", "step, from 1; in trajectories 0 is the initial state");
const STEP_SIZE: Described =
    Described::column("step_size", "", "step size h, as it acts: after its scaling with the depth");
const RADIUS: Described = Described::column("radius", "", "spectral radius ρ of A, or the gain of a nonlinear layer");
const DAMPING: Described = Described::column("damping", "", "friction γ");
const UNSTABLE: Described =
    Described::column("unstable_fraction", "share of members", "spectral radius of M above 1, beyond its band");
const RADIUS_OF_STEP: Described = Described::summary("spectral_radius", "", "spectral radius of the step's Jacobian M");

/// The keys that `--sweep-over` puts in front of every table of a sweep.
pub const SWEPT: &[Described] = &[
    Described::column("depth", "steps", "number of steps L"),
    Described::column("width", "", "width n of the state"),
    Described::column("tokens", "", "number of tokens T"),
    Described::column("heads", "", "number of attention heads"),
    Described::column("logit_gain", "", "factor on the attention scores"),
    Described::column("query_key_gain", "", "standard deviation of the query and key projections, over 1/sqrt(width)"),
    Described::column("value_gain", "", "standard deviation of the value projection, over 1/sqrt(width)"),
    Described::column("hidden_gain", "", "standard deviation of W1, over 1/sqrt(width)"),
    Described::column("output_gain", "", "standard deviation of W_O and W2, over 1/sqrt(fan in)"),
    Described::column("bias_gain", "", "standard deviation of the biases, over the gain of their projection"),
];

/// All tables.
pub const TABLES: &[Table] = &[
    Table { name: "cells", row: "one row for each grid point of a sweep, over all members", columns: CELLS },
    Table { name: "members", row: "one row for each member of a sweep, or matrix of `spectrum`", columns: MEMBERS },
    Table {
        name: "linearised",
        row: "one row for each grid point and linearised step of a nonlinear sweep",
        columns: LINEARISED,
    },
    Table { name: "spectra", row: "one row for each eigenvalue", columns: SPECTRA },
    Table {
        name: "trajectories",
        row: "one row for each recorded member, step and grid point of a sweep",
        columns: TRAJECTORIES,
    },
    Table {
        name: "pseudospectrum",
        row: "one row for each point z of the grid, for the first matrix of the file",
        columns: PSEUDOSPECTRUM,
    },
    Table {
        name: "exponents",
        row: "one row for each exponent at each point of the convergence series",
        columns: EXPONENTS,
    },
    Table { name: "layers", row: "one row for each layer, token and text of a trained model", columns: LAYERS },
    Table {
        name: "eigenvalues",
        row: "one row for each eigenvalue of the Jacobian of a layer of a trained model at a token",
        columns: EIGENVALUES,
    },
    Table {
        name: "singular_values",
        row: "one row for each singular value of the Jacobian of a layer of a trained model at a token",
        columns: SINGULAR_VALUES,
    },
    Table {
        name: "cells",
        row: "one row for each step size and friction of a trained model's sweep",
        columns: TEXT_CELLS,
    },
    Table { name: "lens", row: "one row for each cell and layer of a trained model's sweep", columns: LENS },
    Table {
        name: "exponents_by_layer",
        row: "one row for each exponent of a trained model and number of layers",
        columns: EXPONENTS_BY_LAYER,
    },
    Table {
        name: "end_to_end",
        row: "one row for each of the largest singular values of the product of a trained model's layers",
        columns: END_TO_END,
    },
    Table { name: "claims", row: "one row for each claim of the essay", columns: CLAIMS },
    Table { name: "statements", row: "one row for each statement of a claim", columns: STATEMENTS },
    Table { name: "curves", row: "one row for each point of what is drawn of a claim", columns: CURVES },
    Table { name: "bench", row: "one row for each kernel or workload on each device", columns: BENCH },
];

const CELLS: &[Described] = &[
    STEP_SIZE,
    RADIUS,
    DAMPING,
    Described::column("members", "", "members that were run"),
    Described::column("layers", "", "the same, under its older name"),
    Described::summary(
        "spectral_radius",
        "",
        "spectral radius of M = (1 − γ) I + h A: of the tied layer, or of the first of a stack; nonlinear: geometric mean \
         over the linearised steps of the later half",
    ),
    Described::summary("predicted_rate", "nats per step", "its logarithm: the growth a step that eigenvalues predict"),
    UNSTABLE,
    Described {
        parts: FATES,
        ..Described::column("fates_predicted", "share of members", "fate by the predicted rate")
    },
    Described::summary(
        "observed_rate",
        "nats per step",
        "slope of ln ‖x‖ over the later half of the depth; nonlinear: of a random tangent along the trajectory",
    ),
    Described { parts: FATES, ..Described::column("fates_observed", "share of members", "fate by the observed rate") },
    Described::summary("norm_rate", "nats per step", "nonlinear: slope of ln ‖x‖ over the later half of the depth"),
    Described::summary("log_perturbation_growth", "nats", "nonlinear: ln ‖d_L‖/‖d_0‖ of the tangents"),
    Described::column("grew_fraction", "share of members", "‖x_L‖ > ‖x_0‖, beyond the rounding of the norms"),
    Described::column("diverged_fraction", "share of members", "‖x_L‖ > threshold · ‖x_0‖"),
    Described::ends("intervals_unstable_fraction", "share of members", "95 % interval of unstable_fraction (Wilson)"),
    Described::ends("intervals_grew_fraction", "share of members", "95 % interval of grew_fraction (Wilson)"),
    Described::ends("intervals_diverged_fraction", "share of members", "95 % interval of diverged_fraction (Wilson)"),
    Described::column(
        "bands_predicted",
        "",
        "how far the modulus of a predicted growth factor must be from 1 to count",
    ),
    Described::column("bands_observed", "nats per step", "how far an observed rate must be from 0 to count"),
    Described::column("bands_norm", "nats", "how far ln ‖x_L‖/‖x_0‖ must be from 0 to count"),
    Described::summary("log_growth", "nats", "ln ‖x_L‖/‖x_0‖ of members that did not collapse to 0"),
    Described::column("mean_square_growth", "", "mean of ‖x_L‖²/‖x_0‖²"),
    Described::column("mean_square_growth_standard_error", "", "its standard error"),
    Described::column("log_mean_square_growth", "nats", "logarithm of the mean"),
    Described::summary("peak_growth", "", "largest ‖x_k‖/‖x_0‖ on the way"),
    Described::summary("log_peak_growth", "nats", "its logarithm"),
    Described::column("overshoot_step", "steps", "median step of the peak"),
    Described::column(
        "crossing_step",
        "steps",
        "median first step beyond the threshold, if more than half of the members cross it",
    ),
    Described::column("collapsed", "members", "state became 0"),
    Described::column("frozen", "members", "nonlinear state reached 2^48, or an implicit step does not exist"),
    Described::column("no_spectrum", "members", "no eigenvalues were found"),
    Described::column("remarks", "", "what is missing or doubtful, and why, as in the JSON"),
    Described::column("observations_cosine", "", "cosine of the angle between x_L and x_0, mean over members"),
    Described::column(
        "observations_token_similarity",
        "",
        "mean cosine of two tokens of x_L (1 is rank collapse), mean over members",
    ),
    Described::column(
        "observations_attention_entropy",
        "nats",
        "entropy of the attention's rows in the last step, mean over members",
    ),
    Described::column("observations_effective_step", "", "‖h f‖/‖x‖ of the last step, mean over members"),
    Described::column("observations_effective_damping", "", "1 − ‖x_{L−1}‖/‖x_L‖, mean over members"),
    Described::column("given_step_size", "", "step size before its scaling with the depth (`step_scaling`)"),
];

const MEMBERS: &[Described] = &[
    MEMBER,
    Described::column("status", "", "of its eigenvalues: ok, no_convergence or refused"),
    Described::column(
        "spectral_radius",
        "",
        "in a linear sweep of its A at nominal radius 1, as drawn; in `spectrum` of what it speaks of, A or M",
    ),
    Described::column("real_eigenvalues", "", "how many of its eigenvalues are real"),
    STEP_SIZE,
    RADIUS,
    DAMPING,
    Described::column("predicted_rate", "nats per step", "as in cells, of this member at the grid point in the middle"),
    Described::column("observed_rate", "nats per step", "the same of what was observed"),
    Described::column("norm_rate", "nats per step", "nonlinear: the same of ln ‖x‖"),
    Described::column("log_growth", "nats", "ln ‖x_L‖/‖x_0‖ there"),
    Described::column("log_perturbation_growth", "nats", "nonlinear: ln ‖d_L‖/‖d_0‖ of its tangent there"),
    Described::column("frozen_step", "steps", "step at which its state was frozen"),
    Described::column("collapse_step", "steps", "step at which its state became 0"),
    Described::column("spectral_abscissa", "", "spectrum: largest Re λ"),
    Described::column(
        "outside_unit_circle",
        "",
        "spectrum: how many eigenvalues are outside the unit circle, beyond the band",
    ),
    Described::column("zero_eigenvalues", "", "spectrum: how many eigenvalues are 0 within the band"),
    Described::column("band", "", "spectrum: how far an eigenvalue must be from the unit circle or from 0 to count"),
    Described::column("norm", "", "spectrum of a file: 2-norm"),
    Described::column("numerical_abscissa", "", "spectrum of a file: largest eigenvalue of the symmetric part"),
    Described::column("departure_from_normality", "", "spectrum of a file: Henrici's"),
    Described::column("transient_peak_value", "", "spectrum of a file: largest 2-norm of a power"),
    Described::column("transient_peak_step", "steps", "spectrum of a file: the power that has it"),
    Described::column("transient_peak_status", "", "spectrum of a file: what is known of the peak, in a word"),
    Described::column(
        "transient_peak_at_least_value",
        "",
        "spectrum of a file: largest norm seen where the peak is not known",
    ),
    Described::column("transient_peak_at_least_step", "steps", "spectrum of a file: the power that has it"),
    Described::column("critical_step_size", "", "spectrum of a file: largest step size without growth"),
    Described::column("overflow", "", "spectrum of a file: what is missing because it is beyond f64, with commas"),
];

const LINEARISED: &[Described] = &[
    STEP_SIZE,
    RADIUS,
    DAMPING,
    STEP,
    Described::column("members", "", "members whose Jacobian has a spectrum"),
    UNSTABLE,
    RADIUS_OF_STEP,
    Described::summary("spectral_abscissa", "", "largest Re λ of M"),
    Described::summary("norm", "", "2-norm of M"),
    Described::summary("relative_departure", "", "Henrici's departure from normality over the Frobenius norm"),
];

const SPECTRA: &[Described] = &[
    MEMBER,
    Described::column(
        "re",
        "",
        "real part; in a sweep of A at nominal radius 1, in `spectrum` of what it speaks of, A or M",
    ),
    Described::column("im", "", "imaginary part"),
];

const TRAJECTORIES: &[Described] = &[
    MEMBER,
    STEP,
    STEP_SIZE,
    RADIUS,
    DAMPING,
    Described::column("log_growth", "nats", "linear: ln ‖x_k‖/‖x_0‖"),
    Described::column("norm", "", "nonlinear: ‖x_k‖"),
    Described::column("cosine", "", "nonlinear: cosine of the angle between x_k and x_0"),
    Described::column("token_similarity", "", "nonlinear: mean cosine of two tokens (1 is rank collapse)"),
    Described::column("attention_entropy", "nats", "nonlinear: mean entropy of the attention's rows"),
    Described::column("effective_step", "", "nonlinear: ‖h f‖/‖x‖"),
    Described::column("effective_damping", "", "nonlinear: 1 − ‖x_{k−1}‖/‖x_k‖"),
    Described::column("log_perturbation_growth", "nats", "nonlinear: ln ‖d_k‖/‖d_0‖ of its tangent"),
];

const PSEUDOSPECTRUM: &[Described] = &[
    Described::column("re", "", "real part of z"),
    Described::column("im", "", "imaginary part of z"),
    Described::column("smallest_singular_value", "", "σ_min(z I − A), or of M"),
];

const EXPONENTS: &[Described] = &[
    Described::column("steps", "steps", "steps averaged so far"),
    Described::column("exponent", "", "its number, from 0"),
    Described::column("mean", "nats per step", "mean over the members"),
    Described::column("standard_error", "nats per step", "standard error of the mean"),
];

const BENCH: &[Described] = &[
    Described::column("name", "", "kernel or workload"),
    Described::column("device", "", "gpu, software, cpu or reference"),
    Described::column("kind", "", "kernel or workload"),
    Described::column("shape", "", "sizes of a member's work"),
    Described::column("members", "", "members of the ensemble, or matrices"),
    Described::column("seconds", "s", "median of the repetitions; for a kernel, of the time in the kernel"),
    Described::column("seconds_min", "s", "fastest repetition"),
    Described::column("seconds_max", "s", "slowest repetition"),
    Described::column("flops", "flop", "floating-point operations, counted from the plan; a fused multiply-add is two"),
    Described::column("gflops", "GFLOP/s", "10^9 operations a second, from the median"),
    Described::column("bytes", "bytes", "bytes that must move at least once, counted from the plan"),
    Described::column("share_of_peak", "share", "of the arithmetic ceiling, from the median"),
    Described::column("gigabytes_per_second", "GB/s", "10^9 bytes a second, from the median"),
    Described::column("share_of_bandwidth", "share", "of the memory ceiling, from the median; missing where in cache"),
    Described::column("in_cache", "", "1 where more bytes a second move than memory gives: the data stay in a cache"),
    Described::column("device_seconds", "s", "time in kernels"),
    Described::column("upload_seconds", "s", "inputs on their way to the device"),
    Described::column("download_seconds", "s", "outputs on their way back"),
];

const MODEL: Described = Described::column("model", "", "`trained`, or the control: `initial` or `shuffled`");
const TEXT: Described = Described::column("text", "", "number of the text, from 0");
const LAYER: Described = Described::column("layer", "", "number of the layer, from 0");
const TOKEN: Described = Described::column("token", "", "place t of the token in its text, from 0");

const LAYERS: &[Described] = &[
    MODEL,
    TEXT,
    LAYER,
    TOKEN,
    Described::column("status", "", "`ok`, or why there are no eigenvalues"),
    Described::column("state_norm", "", "norm of the token's state before the layer"),
    Described::column("relative_step", "", "norm of the layer's step over that of the state before it"),
    Described::column("spectral_radius", "", "largest |λ| of J = ∂x⁺_t/∂x_t"),
    Described::column("outside_unit_circle", "eigenvalues", "those with |λ| above 1, beyond the band"),
    Described::column(
        "on_unit_circle",
        "eigenvalues",
        "those with |λ| nearer to 1 than the band, of which rounding decides",
    ),
    Described::column("abscissa", "", "largest Re λ, less 1"),
    Described::column("growing_modes", "eigenvalues", "those with Re λ above 1, beyond the band"),
    Described::column("band", "", "half width of the interval in which rounding decides"),
    Described::column("trace", "", "trace of J"),
    Described::column("frobenius", "", "Frobenius norm of J"),
    Described::column("norm", "", "2-norm of J"),
    Described::column("numerical_abscissa", "", "largest eigenvalue of (J + Jᵀ) / 2"),
    Described::column("departure_from_normality", "", "Henrici's departure of J"),
    Described::column(
        "transient_peak_value",
        "",
        "largest 2-norm of a power of J; missing where they grow without end",
    ),
    Described::column(
        "product_log_norm",
        "nats",
        "ln of the 2-norm of the product of the J of the layers up to this one",
    ),
];

const EIGENVALUES: &[Described] = &[
    MODEL,
    TEXT,
    LAYER,
    TOKEN,
    Described::column("re", "", "Re λ"),
    Described::column("im", "", "Im λ"),
    Described::column("residual", "", "‖J v - λ v‖ / ‖λ v‖ of leading eigenvalues; missing with all of them"),
];

const SINGULAR_VALUES: &[Described] = &[
    MODEL,
    TEXT,
    LAYER,
    TOKEN,
    Described::column("place", "", "from the largest, 0"),
    Described::column("singular_value", "", "of J"),
    Described::column(
        "product_relative",
        "",
        "of the product of the J of the layers up to this one, over its largest; missing where rounding hides it",
    ),
    Described::column(
        "residual",
        "",
        "((‖J v - σ u‖² + ‖Jᵀ u - σ v‖²) / 2)^½ / σ of largest ones found alone; missing with all of them",
    ),
];

const MARGIN: Described =
    Described::column("margin", "", "logit of the first word less that of the second, behind the last token");

const TEXT_CELLS: &[Described] = &[
    Described::column("step_size", "", "step size h of every sublayer"),
    Described::column("damping", "", "friction γ of every sublayer"),
    Described::column("cross_entropy", "nats per token", "mean of -ln p of each token but the first"),
    Described::column(
        "kl_divergence",
        "nats per token",
        "mean divergence of what is predicted from that at h = 1, γ = 0",
    ),
    Described::column("log_growth", "nats", "mean over tokens of ln(|x_L| / |x_0|)"),
    Described::column(
        "predicted_log_growth",
        "nats",
        "the same if every sublayer's f were what it is at h = 1, γ = 0; missing with norms behind the sum",
    ),
    MARGIN,
];

const LENS: &[Described] = &[
    Described::column("step_size", "", "step size h of every sublayer"),
    Described::column("damping", "", "friction γ of every sublayer"),
    LAYER,
    Described::column("margin", "", "the margin read from the state behind the layer"),
];

const END_TO_END: &[Described] = &[
    Described::column("place", "", "from the largest, 0"),
    Described::column("singular_value", "", "of the product of all layers' Jacobians of the whole state"),
    Described::column("exponent", "nats a layer", "its logarithm over the number of layers"),
    Described::column("residual", "", "((‖A v - σ u‖² + ‖Aᵀ u - σ v‖²) / 2)^½ / σ of the product A"),
];

const EXPONENTS_BY_LAYER: &[Described] = &[
    Described::column("layers", "layers", "how many layers it is over"),
    Described::column("place", "", "number of the frame's vector"),
    Described::column("exponent", "nats a layer", "finite-time exponent"),
    Described::column("norm_growth", "nats a layer", "growth of the whole state's norm"),
];
