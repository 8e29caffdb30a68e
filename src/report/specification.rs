//! The specification of a run as TOML, so that it can be read, kept and run again.

use crate::error::{Error, Result};
use serde_json::Value;

/// The keys of a record's `spec` as a TOML file of the same command; none where it has no specification.
pub fn toml(run: &Value) -> Result<Option<String>> {
    let Some(spec) = run.get("spec").filter(|spec| spec.is_object()) else { return Ok(None) };
    let text = toml::to_string(&without_nulls(spec));
    text.map(Some).map_err(|error| Error::Bug(format!("the specification as TOML: {error}")))
}

/// TOML has no null: a key that is not given is not there.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let given = fields.iter().filter(|(_, value)| !value.is_null());
            given.map(|(key, value)| (key.clone(), without_nulls(value))).collect()
        }
        Value::Array(values) => values.iter().filter(|value| !value.is_null()).map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::toml;
    use serde_json::json;

    #[test]
    fn keys_without_a_value_are_left_out() {
        let run =
            json!({ "spec": { "width": 8, "matrix": null, "step_size": "0.1,1", "sweep_over": { "depth": "1,2" } } });
        let text = toml(&run).expect("TOML").expect("a specification");
        assert_eq!(text, "width = 8\nstep_size = \"0.1,1\"\n\n[sweep_over]\ndepth = \"1,2\"\n");
        assert!(toml(&json!({})).expect("nothing").is_none());
    }
}
