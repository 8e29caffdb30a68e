//! What is asked of the program: the options that the definitions depend on, and the command line that says them.

use super::given::{self, Given};

/// Options of a run, by the words of the command line.
#[derive(Clone, Debug)]
pub struct Setting {
    pub model: &'static str,
    pub weights: &'static str,
    pub ensemble: &'static str,
    /// The correlation of A_ij and A_ji.
    pub tau: f64,
    pub radius_kind: &'static str,
    pub shift: f64,
    pub integrator: &'static str,
    pub step_sizes: Vec<f64>,
    pub radii: Vec<f64>,
    pub dampings: Vec<f64>,
    pub step_scaling: &'static str,
    pub depth: usize,
    pub width: usize,
    pub members: usize,
    pub tokens: usize,
    pub heads: usize,
    pub ffn_ratio: usize,
    pub activation: &'static str,
    pub norm: &'static str,
    pub norm_kind: &'static str,
    pub mask: &'static str,
    pub logit_gain: f64,
    pub query_key_gain: f64,
    pub value_gain: f64,
    pub hidden_gain: f64,
    pub output_gain: f64,
    pub bias_gain: f64,
    /// What is not drawn.
    pub given: Given,
    pub threshold: f64,
    pub linearise_every: Option<usize>,
    pub perturbations: bool,
    pub trajectories: usize,
    pub seed: u64,
    pub chunk: Option<usize>,
    /// Of `lyapunov`: steps before those that count.
    pub transient: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Setting {
            model: "linear",
            weights: "tied",
            ensemble: "ginibre",
            tau: 0.0,
            radius_kind: "nominal",
            shift: 0.0,
            integrator: "euler",
            step_sizes: vec![1.0],
            radii: vec![1.0],
            dampings: vec![0.1],
            step_scaling: "constant",
            depth: 5,
            width: 4,
            members: 2,
            tokens: 1,
            heads: 1,
            ffn_ratio: 2,
            activation: "gelu",
            norm: "pre",
            norm_kind: "layernorm",
            mask: "none",
            logit_gain: 1.0,
            query_key_gain: 1.0,
            value_gain: 1.0,
            hidden_gain: 1.0,
            output_gain: 1.0,
            bias_gain: 0.0,
            given: Given::default(),
            threshold: 1e3,
            linearise_every: None,
            perturbations: true,
            trajectories: 2,
            seed: 0,
            chunk: None,
            transient: 0,
        }
    }
}

/// A place of the map.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// h, after its scaling with the depth.
    pub step_size: f64,
    /// Before it.
    pub given_step_size: f64,
    pub radius: f64,
    pub damping: f64,
}

impl Setting {
    pub fn is_linear(&self) -> bool {
        self.model == "linear"
    }

    pub fn attends(&self) -> bool {
        matches!(self.model, "attention" | "transformer")
    }

    pub fn has_ffn(&self) -> bool {
        matches!(self.model, "mlp" | "transformer")
    }

    /// Numbers of a state.
    pub fn order(&self) -> usize {
        self.width * self.tokens
    }

    /// The map: damping outermost, then radius, then step size.
    pub fn points(&self) -> Vec<Point> {
        let factor = match self.step_scaling {
            "inverse-sqrt-depth" => 1.0 / (self.depth as f64).sqrt(),
            "inverse-depth" => 1.0 / self.depth as f64,
            _ => 1.0,
        };
        let mut points = Vec::new();
        for &damping in &self.dampings {
            for &radius in &self.radii {
                for &given_step_size in &self.step_sizes {
                    let step_size = given_step_size * factor;
                    points.push(Point { step_size, given_step_size, radius, damping });
                }
            }
        }
        points
    }

    /// The steps whose Jacobians are made: 1, 1 + K, 1 + 2 K .., by default the first, the first of the later half and the
    /// last.
    pub fn linearised_steps(&self) -> Vec<usize> {
        match self.linearise_every {
            Some(0) => vec![],
            Some(every) => (1..=self.depth).step_by(every).collect(),
            None => {
                let mut steps = vec![1, self.depth / 2 + 1, self.depth];
                steps.dedup();
                steps
            }
        }
    }

    /// The flags of the ensemble and the layer, which all commands share; nothing that the model does not have.
    fn layer_flags(&self) -> String {
        let mut flags = format!("--model {} --weights {}", self.model, self.weights);
        let mut add = |name: &str, value: String| flags += &format!(" --{name} {value}");
        let drawn = !self.given.matrices;
        if drawn {
            add("width", self.width.to_string());
            add("layers", self.members.to_string());
        }
        add("integrator", self.integrator.to_string());
        add("seed", self.seed.to_string());
        if self.is_linear() {
            if drawn {
                add("ensemble", self.ensemble.to_string());
            }
            add("radius-kind", self.radius_kind.to_string());
            add("shift", self.shift.to_string());
            if drawn && self.ensemble == "elliptic" {
                add("tau", self.tau.to_string());
            }
        } else {
            add("output-gain", self.output_gain.to_string());
            add("bias-gain", self.bias_gain.to_string());
            add("tokens", self.tokens.to_string());
            add("norm", self.norm.to_string());
            add("norm-kind", self.norm_kind.to_string());
        }
        if self.attends() {
            add("heads", self.heads.to_string());
            add("mask", self.mask.to_string());
            add("logit-gain", self.logit_gain.to_string());
            add("query-key-gain", self.query_key_gain.to_string());
            add("value-gain", self.value_gain.to_string());
        }
        if self.has_ffn() {
            add("ffn-ratio", self.ffn_ratio.to_string());
            add("activation", self.activation.to_string());
            add("hidden-gain", self.hidden_gain.to_string());
        }
        if let Some(chunk) = self.chunk {
            add("chunk", chunk.to_string());
        }
        flags
    }

    /// The command line of `sweep`.
    pub fn sweep(&self) -> String {
        let list = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        let mut line = format!(
            "sweep {} --step-size {} --radius {} --damping {} --depth {} --step-scaling {} --threshold {} --trajectories {}",
            self.layer_flags(),
            list(&self.step_sizes),
            list(&self.radii),
            list(&self.dampings),
            self.depth,
            self.step_scaling,
            self.threshold,
            self.trajectories
        );
        if let Some(every) = self.linearise_every {
            line += &format!(" --linearise-every {every}");
        }
        if !self.perturbations {
            line += " --perturbations false";
        }
        line + &given::flags(self, self.depth)
    }

    /// The command line of `spectrum`, of A or of M at the first point of the map.
    pub fn spectrum(&self, of_step: bool) -> String {
        let mut line = format!(
            "spectrum --width {} --layers {} --seed {} --ensemble {} --radius-kind {} --shift {} --radius {}",
            self.width, self.members, self.seed, self.ensemble, self.radius_kind, self.shift, self.radii[0]
        );
        if self.ensemble == "elliptic" {
            line += &format!(" --tau {}", self.tau);
        }
        if of_step {
            line += &format!(" --step-size {} --damping {}", self.step_sizes[0], self.dampings[0]);
        }
        line
    }

    /// The command line of `lyapunov`, at the first point of the map.
    pub fn lyapunov(&self, run: &Run) -> String {
        format!(
            "lyapunov {} --step-size {} --radius {} --damping {} --steps {} --transient-steps {} --blocks {} --top {}",
            self.layer_flags(),
            self.step_sizes[0],
            self.radii[0],
            self.dampings[0],
            run.steps,
            run.transient_steps,
            run.blocks,
            run.top
        ) + &given::flags(self, run.transient_steps + run.steps)
    }
}

/// The length of a `lyapunov` run.
#[derive(Clone, Debug)]
pub struct Run {
    pub steps: usize,
    pub transient_steps: usize,
    pub blocks: usize,
    pub top: usize,
}
