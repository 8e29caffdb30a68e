//! The columns of the essay's tables.

use super::Described;

const CLAIM: Described = Described::column("claim", "", "name of the claim, as on the command line");

pub(super) const CLAIMS: &[Described] = &[
    CLAIM,
    Described::column(
        "verdict",
        "",
        "`holds`, `holds_conditionally`, `wrong` or `undecidable`, by rule from its statements",
    ),
    Described::column("text", "", "what the essay says"),
    Described::column("experiment", "", "what was run"),
    Described::column("remark", "", "what one should know of the verdict"),
    Described::column("command", "", "examines the claim again"),
    Described::column("seconds", "s", "how long it took"),
];

pub(super) const STATEMENTS: &[Described] = &[
    CLAIM,
    Described::column("says", "", "what the essay says of the number"),
    Described::column("name", "", "what is measured"),
    Described::column("unit", "", "its unit"),
    Described::column("value", "", "what was measured"),
    Described::column("standard_error", "", "its standard error, 0 where nothing scatters"),
    Described::column("predicted", "", "what theory predicts"),
    Described::column("tolerance", "", "how far the theory itself may be off"),
    Described::column("criterion", "", "when the statement is true"),
    Described::column("level", "", "the number that the criterion compares with"),
    Described::column("truth", "", "`holds` or `fails` beyond three standard errors, else `undecided`"),
];

pub(super) const CURVES: &[Described] = &[
    CLAIM,
    Described::column("curve", "", "which curve"),
    Described::column("x", "", "as the axis of the claim's figure says"),
    Described::column("y", "", "as the axis of the claim's figure says"),
    Described::column("standard_error", "", "of y"),
];
