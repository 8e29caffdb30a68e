//! Matrix files: what is read, and how everything else is refused.

use eulerscope::weights::matrix::{Format, MatrixStack, parse, read};
use std::path::Path;

/// A `.npy` file of version 1 (or 2 and 3, whose length field is longer).
pub fn npy(version: u8, descr: &str, fortran_order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran_order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

pub fn f64_bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub fn stack(n: usize, values: &[f64]) -> MatrixStack {
    MatrixStack { n, matrices: values.len() / (n * n), values: values.to_vec() }
}

fn refusal(format: Format, bytes: &[u8]) -> String {
    let error = parse(format, bytes).expect_err("the input must be refused");
    assert_eq!(error.exit_code(), 4);
    let line = error.to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[track_caller]
pub fn assert_refused(format: Format, bytes: &[u8], words: &[&str]) {
    let line = refusal(format, bytes);
    for word in words {
        assert!(line.contains(word), "{line:?} does not name {word:?}");
    }
}

#[test]
fn npy_types_orders_and_versions() {
    let expected = stack(2, &[1.0, -2.0, 3.0, 4.0]);
    for version in 1..=3 {
        let file = npy(version, "<f8", "False", "(2, 2)", &f64_bytes(&[1.0, -2.0, 3.0, 4.0]));
        assert_eq!(parse(Format::Npy, &file).unwrap(), expected);
    }
    let fortran = npy(1, "<f8", "True", "(2, 2)", &f64_bytes(&[1.0, 3.0, -2.0, 4.0]));
    assert_eq!(parse(Format::Npy, &fortran).unwrap(), expected);
    let big: Vec<u8> = [1.0f32, -2.0, 3.0, 4.0].iter().flat_map(|value| value.to_be_bytes()).collect();
    assert_eq!(parse(Format::Npy, &npy(1, ">f4", "False", "(2, 2)", &big)).unwrap(), expected);
    let small = [1, 254, 3, 4];
    assert_eq!(parse(Format::Npy, &npy(1, "|i1", "False", "(2, 2)", &small)).unwrap(), expected);
    let half: Vec<u8> = [0x3c00u16, 0xc000, 0x4200, 0x4400].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(parse(Format::Npy, &npy(1, "<f2", "False", "(2, 2)", &half)).unwrap(), expected);
    let wide: Vec<u8> = [1i64, -2, 3, 4].iter().flat_map(|value| value.to_be_bytes()).collect();
    assert_eq!(parse(Format::Npy, &npy(1, ">i8", "False", "(2L, 2L)", &wide)).unwrap(), expected);
}

/// Every way in which NumPy names a type: with a byte order, without one, and in words.
#[test]
fn npy_names_of_types() {
    let two: [(&str, Vec<u8>); 7] = [
        ("<f8 >f8! =f8 f8 float64 double float d <d", 2f64.to_le_bytes().to_vec()),
        ("<f4 >f4! float32 single f", 2f32.to_le_bytes().to_vec()),
        ("<f2 >f2! float16 half e", vec![0, 0x40]),
        ("<i8 >i8! int64 int q <u8 uint64 Q", 2u64.to_le_bytes().to_vec()),
        ("<i4 >i4! int32 i uint32 I", 2u32.to_le_bytes().to_vec()),
        ("<i2 >u2! int16 h uint16 H", 2u16.to_le_bytes().to_vec()),
        ("|i1 |u1 i1 int8 b uint8 B", vec![2]),
    ];
    for (names, bytes) in two {
        for name in names.split(' ') {
            let mut bytes = bytes.clone();
            if name.ends_with('!') {
                bytes.reverse();
            }
            let file = npy(1, name.trim_end_matches('!'), "False", "(1, 1)", &bytes);
            assert_eq!(parse(Format::Npy, &file).unwrap(), stack(1, &[2.0]), "{name}");
        }
    }
    for name in ["|b1", "bool", "?"] {
        assert_eq!(parse(Format::Npy, &npy(1, name, "False", "(1, 1)", &[1])).unwrap(), stack(1, &[1.0]), "{name}");
    }
    for name in ["<c8", ">c16", "complex128", "D"] {
        assert_refused(Format::Npy, &npy(1, name, "False", "(1, 1)", &[0; 16]), &["complex", "A.real"]);
    }
    for name in ["<f16", "g", "|V2", "bfloat16", "<M8[s]", "|S4", "<U3", ""] {
        assert_refused(Format::Npy, &npy(1, name, "False", "(1, 1)", &[0; 16]), &["astype('float64')"]);
    }
}

/// Halves against their definition: all 2^16, by the exact sum of their bits.
#[test]
fn npy_halves_are_exact() {
    for bits in 0..=u16::MAX {
        let file = npy(1, "<f2", "False", "(2, 1, 1)", &[bits.to_le_bytes(), [0, 0]].concat());
        let found = parse(Format::Npy, &file).unwrap().values[0];
        let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
        let exponent = i32::from(bits >> 10 & 31);
        let digits = |i: i32| f64::from(bits >> (10 - i) & 1) * 2f64.powi(-i);
        let fraction: f64 = (1..=10).map(digits).sum();
        let expected = match exponent {
            31 if fraction > 0.0 => f64::NAN,
            31 => f64::INFINITY,
            0 => fraction * 2f64.powi(-14),
            _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
        };
        assert!(found == sign * expected || found.is_nan() && expected.is_nan(), "{bits:#x}: {found}, not {expected}");
    }
}

#[test]
fn npy_stacks_in_both_orders() {
    let values: Vec<f64> = (0..12).map(f64::from).collect();
    let expected = stack(2, &values);
    let file = npy(1, "<f8", "False", "(3, 2, 2)", &f64_bytes(&values));
    assert_eq!(parse(Format::Npy, &file).unwrap(), expected);
    let mut fortran = vec![0.0; 12];
    for (index, value) in values.iter().enumerate() {
        let (matrix, row, column) = (index / 4, index / 2 % 2, index % 2);
        fortran[matrix + 3 * (row + 2 * column)] = *value;
    }
    let file = npy(1, "<f8", "True", "(3, 2, 2)", &f64_bytes(&fortran));
    assert_eq!(parse(Format::Npy, &file).unwrap(), expected);
}

#[test]
fn npy_refusals_name_the_cause() {
    let refused = |bytes: &[u8], words: &[&str]| assert_refused(Format::Npy, bytes, words);
    let one = f64_bytes(&[1.0]);
    refused(b"", &["numpy.save"]);
    refused(&npy(1, "<f8", "False", "(1, 1)", &one)[..40], &["inside its header"]);
    refused(&npy(1, "<f8", "False", "(2, 2)", &one), &["32 bytes", "8 are there"]);
    refused(&npy(1, "<f8", "False", "(1, 1)", &f64_bytes(&[1.0, 2.0])), &["8 bytes", "16 are there"]);
    refused(&npy(1, "<f8", "False", "(3, 4)", &one), &["3 rows and 4 columns"]);
    refused(&npy(1, "<f8", "False", "(4,)", &one), &["1 dimensions", "reshape"]);
    refused(&npy(1, "<f8", "False", "(0, 0)", &[]), &["no values"]);
    refused(&npy(1, "<f8", "False", "(100000, 100000)", &one), &["74.5 GiB", "1.0 GiB"]);
    refused(&npy(1, "<f8", "False", "(18446744073709551615, 18446744073709551615)", &one), &["limit"]);
    refused(&npy(1, "<f8", "False", "(18446744073709551616, 1)", &one), &["damaged"]);
    refused(&npy(1, "<c16", "False", "(1, 1)", &[0; 16]), &["complex"]);
    refused(&npy(1, "|O", "False", "(1, 1)", &[0; 16]), &["Python objects", "astype"]);
    refused(&npy(1, "<f16", "False", "(1, 1)", &[0; 16]), &["<f16", "astype"]);
    refused(&npy(9, "<f8", "False", "(1, 1)", &one), &["version 9"]);
    refused(&npy(1, "<f8", "False', 'x': 1, 'y", "(1, 1)", &one), &["damaged"]);
    refused(&npy(1, "<i8", "False", "(1, 1)", &i64::MAX.to_le_bytes()), &["9223372036854775807", "not exact"]);
    refused(&npy(1, "<f8", "False", "(1, 1)", &f64_bytes(&[f64::NAN])), &["row 1, column 1", "NaN"]);
    refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", &["inside its header"]);
}

#[test]
fn a_stack_keeps_what_is_not_finite() {
    let file = npy(1, "<f8", "False", "(2, 1, 1)", &f64_bytes(&[1.0, f64::NAN]));
    let stack = parse(Format::Npy, &file).unwrap();
    assert!(stack.values[1].is_nan());
}

#[test]
fn matrix_market_layouts() {
    let parse = |text: &str| parse(Format::MatrixMarket, text.as_bytes()).unwrap();
    let coordinate = "%%MatrixMarket matrix coordinate real general\r\n% note\r\n\r\n2 2 2\r\n1 2 -1.5e0\r\n2 1 4\r\n";
    assert_eq!(parse(coordinate), stack(2, &[0.0, -1.5, 4.0, 0.0]));
    let pattern = "%%MatrixMarket matrix coordinate pattern symmetric\n2 2 2\n1 1\n2 1\n";
    assert_eq!(parse(pattern), stack(2, &[1.0, 1.0, 1.0, 0.0]));
    let skew = "%%MatrixMarket matrix coordinate integer skew-symmetric\n2 2 1\n2 1 3\n";
    assert_eq!(parse(skew), stack(2, &[0.0, -3.0, 3.0, 0.0]));
    let array = "%%MatrixMarket matrix array real general\n2 2\n1\n3\n2\n4\n";
    assert_eq!(parse(array), stack(2, &[1.0, 2.0, 3.0, 4.0]));
    let symmetric = "%%MatrixMarket matrix array real symmetric\n2 2\n1\n3\n4\n";
    assert_eq!(parse(symmetric), stack(2, &[1.0, 3.0, 3.0, 4.0]));
    let skew = "%%MatrixMarket matrix array real skew-symmetric\n2 2\n3\n";
    assert_eq!(parse(skew), stack(2, &[0.0, -3.0, 3.0, 0.0]));
}

#[test]
fn matrix_market_refusals_name_the_line() {
    let general = |body: &str| format!("%%MatrixMarket matrix coordinate real general\n{body}").into_bytes();
    let refused = |bytes: &[u8], words: &[&str]| assert_refused(Format::MatrixMarket, bytes, words);
    refused(b"1 2 3\n", &["line 1", "%%MatrixMarket"]);
    refused(b"%%MatrixMarket matrix array complex general\n", &["complex"]);
    refused(b"%%MatrixMarket matrix array real hermitian\n", &["hermitian"]);
    refused(&general(""), &["size line is missing"]);
    refused(&general("2 2\n"), &["line 2", "3 whole numbers"]);
    refused(&general("2 3 0\n"), &["2 rows and 3 columns"]);
    refused(&general("2 2 2\n1 1 1\n"), &["promises 2", "1 are there"]);
    refused(&general("2 2 1\n3 1 1\n"), &["line 3", "1 to 2"]);
    refused(&general("2 2 1\n0 1 1\n"), &["line 3", "count from 1"]);
    refused(&general("2 2 1\n1 1 x\n"), &["line 3", "\"x\""]);
    refused(&general("2 2 2\n1 1 1\n1 1 2\n"), &["lines 3 and 4", "same entry"]);
    refused(&general("1000000 1000000 1\n1 1 1\n"), &["limit of 1.0 GiB"]);
    refused(&general("10000 10000 18446744073709551615\n1 1 1\n"), &["promises"]);
    refused(&general("1 1 1\n1 1 nan\n"), &["row 1, column 1"]);
    refused(b"%%MatrixMarket matrix coordinate real skew-symmetric\n1 1 1\n1 1 2\n", &["diagonal"]);
    refused(b"%%MatrixMarket matrix array real general\n2 2\n1 2 3\n", &["4 values", "3 are there"]);
}

#[test]
fn csv_separators_comments_and_line_ends() {
    let expected = stack(2, &[1.0, -2.5, 3e-1, 4.0]);
    for text in [
        "1,-2.5\n0.3,4\n",
        "\u{feff}# a matrix\r\n1; -2.5\r\n\r\n3e-1; +4 # end\r\n",
        "1 -2.5\n0.3\t4",
        "  1   -2.5  \n .3 4.\n",
    ] {
        assert_eq!(parse(Format::Csv, text.as_bytes()).unwrap(), expected, "{text:?}");
    }
    assert_eq!(parse(Format::Csv, b"-5").unwrap(), stack(1, &[-5.0]));
}

#[test]
fn csv_refusals_name_the_place() {
    let refused = |bytes: &[u8], words: &[&str]| assert_refused(Format::Csv, bytes, words);
    refused(b"\n# nothing\n", &["no numbers"]);
    refused(b"a,b\n1,x\n3,4\n", &["line 2", "value 2", "\"x\""]);
    refused(b"1,2\n3,x\n", &["line 2, value 2", "\"x\""]);
    refused(b"1,2,\n3,4,\n", &["line 1, value 3", "empty"]);
    refused(b"1,5;2,5\n3;4\n", &["decimal sign"]);
    refused(b"1,2\n3\n", &["line 2 has 1", "first row 2"]);
    refused(b"1,2,3\n4,5,6\n", &["2 rows and 3 columns"]);
    refused(b"1,nan\n3,4\n", &["row 1, column 2", "NaN"]);
    refused(b"1,2\n1e999,4\n", &["row 2, column 1", "inf"]);
    refused(b"1,\xff\n", &["byte 2", "UTF-8"]);
    refused(b"\x93NUMPY\x01\x00", &["rename it to .npy"]);
}

#[test]
fn what_is_not_a_matrix_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| {
        let error = read(path).expect_err("must be refused");
        let line = error.to_string();
        assert!(line.contains(&*path.to_string_lossy()) && !line.contains('\n'), "{line}");
        (error.exit_code(), line)
    };
    let at = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    assert_eq!(message(&at("empty.csv", b"")).0, 4);
    assert!(message(&at("archive.npz", b"PK")).1.contains("numpy.save"));
    assert!(message(&at("matrix.xlsx", b"PK")).1.contains(".npy, .mtx or .csv"));
    assert_eq!(message(&folder.path().join("absent.npy")).0, 7);
    std::fs::create_dir(folder.path().join("folder.npy")).unwrap();
    assert!(message(&folder.path().join("folder.npy")).1.contains("is a folder"));
    assert_eq!(read(&at("good.CSV", b"1,2\n3,4\n")).unwrap().n, 2);
}

#[cfg(unix)]
#[test]
fn devices_and_pipes_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(read(&pipe).unwrap_err().to_string().contains("pipe"));
    let device = folder.path().join("zero.npy");
    std::os::unix::fs::symlink("/dev/zero", &device).unwrap();
    assert!(read(&device).unwrap_err().to_string().contains("device"));
}
