//! A step as a list of operations on states.

use super::c64;

/// A state within a step: 0 is the one before it, k + 1 the result of operation k.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value(usize);

impl Value {
    /// The state before the step.
    pub const START: Value = Value(0);

    /// Its place in a list of the states of a step.
    pub fn index(self) -> usize {
        self.0
    }
}

/// Which part of F is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The sum over all sublayers, all at the same state.
    All,
    /// One sublayer's.
    Sublayer(usize),
}

/// What makes a state of others.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// x + fraction F_i(x): the Euler step of one sublayer over a fraction of the step size.
    Substep {
        /// i.
        sublayer: usize,
        /// Of the step size.
        fraction: f64,
        /// x.
        from: Value,
    },
    /// F(x).
    Increment {
        /// Of which sublayers.
        of: Field,
        /// x.
        at: Value,
    },
    /// A weighted sum of states.
    Sum {
        /// With their weights.
        terms: Vec<(Value, f64)>,
    },
}

/// A step of an explicit integrator; its last operation makes the state after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    sublayers: usize,
    operations: Vec<Operation>,
}

impl Program {
    /// Records what `step` does to the state before it, for a layer with so many sublayers.
    pub fn record(sublayers: usize, step: impl Fn(&mut Program, Value) -> Value) -> Self {
        let mut program = Program { sublayers, operations: Vec::new() };
        let end = step(&mut program, Value::START);
        assert_eq!(end.0, program.operations.len(), "a step ends with its last operation");
        program
    }

    /// How many sublayers the layer has.
    pub fn sublayers(&self) -> usize {
        self.sublayers
    }

    /// The operations in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The first state at which this sublayer alone is evaluated, else the one before the step.
    pub fn input_of(&self, sublayer: usize) -> Value {
        let input = |operation: &Operation| match operation {
            Operation::Substep { sublayer: own, from, .. } => (*own == sublayer).then_some(*from),
            Operation::Increment { of: Field::Sublayer(own), at } => (*own == sublayer).then_some(*at),
            _ => None,
        };
        self.operations.iter().find_map(input).unwrap_or(Value::START)
    }

    fn push(&mut self, operation: Operation) -> Value {
        self.operations.push(operation);
        Value(self.operations.len())
    }

    /// The Euler step of one sublayer over a fraction of the step size.
    pub fn substep(&mut self, sublayer: usize, fraction: f64, from: Value) -> Value {
        self.push(Operation::Substep { sublayer, fraction, from })
    }

    /// F(x), or a part of it.
    pub fn increment(&mut self, of: Field, at: Value) -> Value {
        self.push(Operation::Increment { of, at })
    }

    /// A weighted sum.
    pub fn sum(&mut self, terms: &[(Value, f64)]) -> Value {
        self.push(Operation::Sum { terms: terms.to_vec() })
    }

    /// Evaluations of a sublayer in a step, over the sublayers: 1 for Euler, 4 for RK4.
    pub fn evaluations(&self) -> f64 {
        let of = |operation: &Operation| match operation {
            Operation::Substep { .. } | Operation::Increment { of: Field::Sublayer(_), .. } => 1,
            Operation::Increment { of: Field::All, .. } => self.sublayers,
            Operation::Sum { .. } => 0,
        };
        self.operations.iter().map(of).sum::<usize>() as f64 / self.sublayers as f64
    }

    /// The growth factor where every sublayer has F_i(x) = z x.
    pub fn growth(&self, z: c64) -> c64 {
        let of_all = z * self.sublayers as f64;
        self.run(c64::new(1.0, 0.0), |of, x| x * if of == Field::All { of_all } else { z }, |x, y, c| x + y * c)
    }

    /// The coefficients of the growth factor as a polynomial of z, from the constant one, for one sublayer.
    pub fn polynomial(&self) -> Vec<f64> {
        let times_z = |_, x: Vec<f64>| [vec![0.0], x].concat();
        let add = |x: Vec<f64>, y: Vec<f64>, c: f64| {
            let at = |values: &[f64], k: usize| values.get(k).copied().unwrap_or(0.0);
            (0..x.len().max(y.len())).map(|k| at(&x, k) + c * at(&y, k)).collect()
        };
        self.run(vec![1.0], times_z, add)
    }

    /// Runs the program on anything with an increment F and with `add(x, y, c)` = x + c y.
    fn run<T: Clone>(&self, start: T, increment: impl Fn(Field, T) -> T, add: impl Fn(T, T, f64) -> T) -> T {
        let mut states = vec![start];
        for operation in &self.operations {
            let of = |value: Value| states[value.0].clone();
            states.push(match operation {
                Operation::Substep { sublayer, fraction, from } => {
                    add(of(*from), increment(Field::Sublayer(*sublayer), of(*from)), *fraction)
                }
                Operation::Increment { of: field, at } => increment(*field, of(*at)),
                Operation::Sum { terms } => {
                    let (first, weight) = terms[0];
                    assert_eq!(weight, 1.0, "sums begin with the state itself");
                    terms[1..].iter().fold(of(first), |sum, &(value, weight)| add(sum, of(value), weight))
                }
            });
        }
        states.pop().expect("there is a start")
    }
}
