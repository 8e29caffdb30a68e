//! The axes of maps: any two swept keys, and curves where a map would have one row.

use crate::axes::pictures;
use crate::cli_results::run;

/// Any two swept keys are the axes of the maps, and the others have a map for each of their values.
#[test]
fn any_two_swept_keys_are_axes() {
    let folder = tempfile::tempdir().expect("a folder");
    let sweep = "sweep --layers 3 --depth 6 --step-size 0.1,0.5,1 --radius 1,2 --damping 0,0.5 --sweep-over \
                 width=4,6";
    let maps = |line: &str| -> Vec<String> {
        let (_, _) = run(&format!("{line} --out o"), folder.path(), "100");
        let all = pictures(&folder.path().join("o"));
        all.into_iter().filter(|name| name.starts_with("stability") && !name.ends_with("_dark")).collect()
    };
    let expected = |names: [&str; 4]| names.map(|name| format!("stability_map_{name}")).to_vec();
    assert_eq!(
        maps(&format!("{sweep} --axes h,gamma")),
        expected(["width_4_radius_1", "width_4_radius_2", "width_6_radius_1", "width_6_radius_2"])
    );
    let (text, _) = run(&format!("{sweep} --axes h,gamma"), folder.path(), "60");
    assert!(text.contains("width 4, radius 1\n") && text.contains("damping gamma"), "{text}");
    assert!(text.contains("^ >: Transformer: h = 1, gamma = 0"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    let refused = |axes: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eulerscope"));
        let line = format!("sweep --axes {axes}");
        let output = command.current_dir(folder.path()).args(line.split(' ')).output().expect("runs");
        assert_eq!(output.status.code(), Some(4));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused("h,depth").contains("axes: depth is not swept; add sweep_over depth=GRID"));
    assert!(refused("h,h").contains("axes: step_size is given twice"));
}

/// A row of a map would be flat: it is curves.
#[test]
fn one_row_is_drawn_as_curves() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = "sweep --layers 5 --width 4 --depth 8 --step-size 0.1,0.5,1 --radius 1 --damping 0,0.5 --out o";
    let (text, _) = run(line, folder.path(), "100");
    let drawn = pictures(&folder.path().join("o"));
    assert!(drawn.contains("observed_rate_over_step_size") && !drawn.iter().any(|name| name.starts_with("stab")));
    assert!(text.contains(": gamma = 0.5\n") && !text.contains("predicted boundary"), "{text}");
    let svg = std::fs::read_to_string(folder.path().join("o/observed_rate_over_step_size.svg")).expect("is there");
    assert!(svg.contains("Transformer: h = 1, γ = 0") && svg.contains("promise of the eigenvalues"));
}
