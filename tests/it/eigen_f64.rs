//! Eigenvalues in f64 on an adapter that has it.

use crate::adapter::{double, software, software_adapters};
use crate::families;
use crate::oracle::{Random, accept};
use crate::parity;
use eulerscope::device::Device;
use eulerscope::error::Error;
use eulerscope::spectrum::device::eigenvalues;
use eulerscope::spectrum::{self, Status};
use rayon::prelude::*;

const ULP: f64 = f64::EPSILON;

#[test]
fn the_kernels_agree_with_the_reference_in_f64() {
    parity::compare(&double());
}

#[test]
fn every_family_passes_in_f64_on_software_vulkan() {
    let device = double();
    let mut again = 0;
    let mut all = 0;
    for n in [1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, 65] {
        let cases = families::all(n);
        let stack: Vec<f64> = cases.iter().flat_map(|case| case.matrix.iter().copied()).collect();
        let spectra = eigenvalues(&device, &stack, n).expect("the device works");
        cases.par_iter().zip(&spectra).for_each(|(case, spectrum)| {
            assert_eq!(spectrum.status, Status::Ok, "{} at n = {n}", case.name);
            let mut ratios = accept(&case.matrix, n, &spectrum.eigenvalues, ULP);
            ratios.matching = case.against_exact(&spectrum.eigenvalues, ULP).unwrap_or(ratios.matching);
            assert!(ratios.pass(), "{} at n = {n}: {ratios:?}", case.name);
        });
        all += spectra.len();
        again += spectra.iter().filter(|spectrum| spectrum.solved_again).count();
    }
    println!("{all} cases, {again} solved again");
    // The host must not do the work of the kernels.
    assert!(50 * again <= all, "{again} of {all} solved again");
}

/// What f32 cannot do: far finer than f32's rounding, and entries beyond its range.
#[test]
fn f64_is_f64() {
    let (device, n) = (double(), 12);
    let mut random = Random(29);
    let plain: Vec<f64> = (0..8 * n * n).map(|_| random.normal()).collect();
    let solved = eigenvalues(&device, &plain, n).expect("works");
    for exponent in [0, 900, -900] {
        let factor = f64::powi(2.0, exponent);
        let scaled: Vec<f64> = plain.iter().map(|x| x * factor).collect();
        for (plain, scaled) in solved.iter().zip(eigenvalues(&device, &scaled, n).expect("works")) {
            let expected: Vec<_> = plain.eigenvalues.iter().map(|z| z.map(|x| x * factor)).collect();
            assert_eq!(expected, scaled.eigenvalues, "2^{exponent}");
            assert!(!scaled.solved_again);
        }
    }
    let tiny = f64::from_bits(1);
    let spectrum = eigenvalues(&device, &[0.0, tiny, -tiny, 0.0], 2).expect("works").remove(0);
    assert_eq!(spectrum.eigenvalues, [[0.0, tiny], [0.0, -tiny]]);
}

/// (1, 2; 3, 4 + 1e-9): f32 cannot tell it from (1, 2; 3, 4).
#[test]
fn the_command_line_takes_f64() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.csv"), "1,2\n3,4.000000001\n").expect("writable");
    let exact = (5.000000001 + (25.00000001_f64 + 8.0 - 4e-9).sqrt()) / 2.0;
    let error = |precision: &str| {
        let arguments = ["spectrum", "--json", "--matrix", "a.csv", "--precision", precision, "--device"];
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_eulerscope"));
        let output = command.current_dir(folder.path()).args(arguments).arg(&software_adapters()[0]).output();
        let text = String::from_utf8(output.expect("it runs").stdout).expect("text");
        let result: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(result["spec"]["precision"], precision);
        let values = result["eigenvalues"].as_array().expect("values").iter().map(|z| z[0].as_f64());
        (values.flatten().fold(f64::MIN, f64::max) - exact).abs()
    };
    // A rounding or two of the largest entry.
    assert!(error("f64") <= 4.0 * ULP * exact, "{}", error("f64"));
    assert!(error("f32") >= 1e-10, "the flag makes a difference");
}

#[test]
fn f64_is_refused_where_it_is_not() {
    let error = eigenvalues(&software(), &[1.0_f64], 1).expect_err("the device is f32");
    assert!(matches!(error.bare(), Error::Invalid(_)) && error.to_string().contains("f64"), "{error}");
    let spec = eulerscope::spec::EnsembleSpec { members: 1, width: 2, ..Default::default() };
    let drawn = eulerscope::weights::ensemble::draw_matrices(&double(), &spec, 0..1, 1, &mut |_, _| {
        Ok(std::ops::ControlFlow::Continue(()))
    });
    let error = drawn.expect_err("random numbers are f32");
    assert!(error.to_string().contains("fill_random runs in f32 only"), "{error}");
    assert!(Device::open("reference").is_ok_and(|reference| eigenvalues(&reference, &[1.0_f64], 1).is_ok()));
}

/// The one entry, on devices that were not opened in f64. The eigenvalues of a triangular matrix are its diagonal: hosts
/// find them in f64, where f32 has one number for 1 and 1 + 1e-12; a GPU of f32 finds them to its rounding, also where
/// they are far below its range.
#[test]
fn f64_matrices_are_solved_as_well_as_the_device_can() {
    let solve = |device: &Device, diagonal: [f64; 2]| {
        let matrix = [diagonal[0], 0.5 * diagonal[0], 0.0, diagonal[1]];
        let mut found = spectrum::eigenvalues(device, &matrix, 2).expect("works").remove(0).eigenvalues;
        found.sort_by(|a, b| a[0].total_cmp(&b[0]));
        found
    };
    for word in ["cpu", "reference"] {
        let host = Device::open(word).expect("is always there");
        assert_eq!(solve(&host, [1.0, 1.0 + 1e-12]), [[1.0, 0.0], [1.0 + 1e-12, 0.0]], "{word}");
    }
    let diagonal = [1e-60, 3e-60];
    for (found, wanted) in solve(&software(), diagonal).iter().zip(diagonal) {
        // Two roundings of f32: of the entry on its way in, and of the eigenvalue.
        let error = (found[0] - wanted).abs() / wanted;
        assert!(error <= 2.0 * f64::from(f32::EPSILON) && found[1] == 0.0, "{found:?}, not {wanted}");
    }
}
