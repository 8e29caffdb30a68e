//! Matrix files as other programs write them: names around the numbers, whole numbers beyond f64, compression.

use crate::cli_bad_input::{eulerscope, refusal};
use crate::matrix::{assert_refused, f64_bytes, npy, stack};
use eulerscope::weights::matrix::{Format, parse, read};
use std::path::Path;

/// Names of columns and rows as pandas, R and others write them.
#[test]
fn csv_names_are_left_out() {
    let expected = stack(2, &[1.0, -2.5, 3e-1, 4.0]);
    for text in [
        ",0,1\n0,1.0,-2.5\n1,0.3,4.0\n",     // to_csv()
        "0,1\n1.0,-2.5\n0.3,4.0\n",          // to_csv(index=False)
        "0,1.0,-2.5\n1,0.3,4.0\n",           // to_csv(header=False)
        ",a,b\na,1.0,-2.5\nb,0.3,4.0\n",     // named
        "from,a,b\na,1.0,-2.5\nb,0.3,4.0\n", // with a name of the index
        ",2020-01-01,2020-01-02\n2020-01-01,1,-2.5\n2020-01-02,0.3,4\n",
        "a,b\n1,-2.5\n0.3,4\n",
        "\"a, b\",\"c \"\"d\"\"\"\n1,-2.5\n0.3,4\n", // quoted, with a separator and quotes inside
        ",\"x #1\",\"x #2\"\n\"y, 1\",1,-2.5\n\"y, 2\",0.3,4\n",
        "\"\",\"V1\",\"V2\"\n\"1\",1,-2.5\n\"2\",0.3,4\n", // R: write.csv
        "\"V1\" \"V2\"\n\"1\" 1 -2.5\n\"2\" 0.3 4\n",      // R: write.table
        "\t0\t1\n0\t1.0\t-2.5\n1\t0.3\t4.0\n",             // to_csv(sep='\t')
        ";0;1\n0;1.0;-2.5\n1;0.3;4.0\n",
        "\"1\",\"-2.5\"\n\"0.3\",\"4\"\n", // everything quoted
        ",0,1\r0,1.0,-2.5\r1,0.3,4.0\r",   // an old Macintosh's line ends
    ] {
        assert_eq!(parse(Format::Csv, text.as_bytes()).unwrap(), expected, "{text:?}");
    }
}

/// A matrix with a value gone wrong or missing is not one with names.
#[test]
fn csv_flaws_are_no_names() {
    let refused = |text: &str, words: &[&str]| assert_refused(Format::Csv, text.as_bytes(), words);
    refused("1.o,2,3\n4,5,6\n7,8,9\n", &["line 1, value 1", "\"1.o\""]);
    refused("1.o,2,3\n0,5,6\n1,8,9\n", &["line 1, value 1", "\"1.o\""]);
    refused("NA,1\n0,1\n", &["line 1, value 1", "\"NA\""]);
    refused(",2\n3,4\n", &["line 1, value 1 is empty"]);
    refused(",2,3\n2,4,5\n3,5,6\n", &["line 1, value 1 is empty"]);
    refused("a,x,2\nb,3,4\n", &["line 1, value 1", "\"a\""]);
    refused("a,1\n2,x\n", &["line 2, value 2", "\"x\""]);
    refused(",a,b\na,1,\nb,3,4\n", &["line 2, value 3 is empty"]);
    refused(",a,b\na,1,2\n,3,4\n", &["line 3, value 1 is empty"]);
    refused("1 2\n3 4 5\n6 7 8\n", &["line 2 has 3", "first row 2"]);
    refused("\"a,b\n1,2\n", &["line 1", "quote is not closed"]);
    refused("\"a\"b,c\n1,2\n3,4\n", &["line 1", "follows a quote"]);
    refused("1+2j,0\n0,1\n", &["line 1, value 1", "complex"]);
    refused("x,y,z\n,a,b\n0,1,2\n1,3,4\n", &["line 2, value 1 is empty"]);
}

/// A whole number that no float has is refused in every format; one that a program printed from a float is read.
#[test]
fn whole_numbers_are_exact_or_refused() {
    let mtx =
        |word: &str| format!("%%MatrixMarket matrix coordinate integer general\n1 1 1\n1 1 {word}\n").into_bytes();
    for word in ["9007199254740993", "-9007199254740993", "+0009007199254740993", "1234567890123456789"] {
        assert_refused(Format::MatrixMarket, &mtx(word), &["line 3", word, "not exact"]);
        assert_refused(Format::Csv, word.as_bytes(), &["line 1, value 1", word, "not exact"]);
    }
    for (word, value) in [
        ("9007199254740992", 9007199254740992.0),
        ("-9007199254740994", -9007199254740994.0),
        ("1152921504606846976", 2f64.powi(60)),
        ("9007199254740993.0", 9007199254740992.0),
        ("100000000000000000000000", 1e23),
        ("99999999999999991611392", 1e23),
        ("1D3", 1000.0),
        ("-2.5d-01", -0.25),
    ] {
        assert_eq!(parse(Format::MatrixMarket, &mtx(word)).unwrap().values, [value], "{word}");
        assert_eq!(parse(Format::Csv, word.as_bytes()).unwrap().values, [value], "{word}");
    }
    let whole = |value: i64| npy(1, "<i8", "False", "(1, 1)", &value.to_le_bytes());
    assert_refused(Format::Npy, &whole((1 << 53) + 1), &["9007199254740993", "not exact"]);
    assert_eq!(parse(Format::Npy, &whole(-(1 << 62))).unwrap().values, [-(2f64.powi(62))]);
    assert_refused(Format::Npy, &npy(1, "<u8", "False", "(1, 1)", &u64::MAX.to_le_bytes()), &["not exact"]);
}

pub fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_files_and_their_endings() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        read(&path)
    };
    let expected = stack(2, &[1.0, 2.0, 3.0, 4.0]);
    let csv = b"1,2\n3,4\n";
    let mtx = b"%%MatrixMarket matrix array real general\n2 2\n1\n3\n2\n4\n";
    let npy = npy(1, "<f8", "False", "(2, 2)", &f64_bytes(&expected.values));
    for (ending, content) in [("csv", &csv[..]), ("mtx", mtx), ("mm", mtx), ("npy", &npy)] {
        assert_eq!(at(&format!("a.{ending}"), content).unwrap(), expected);
        assert_eq!(at(&format!("a.{ending}.gz"), &compressed(content)).unwrap(), expected);
        assert_eq!(at(&format!("b.{ending}"), &compressed(content)).unwrap(), expected, "whatever it is called");
        let twice = [compressed(&content[..5]), compressed(&content[5..])].concat();
        assert_eq!(at(&format!("c.{ending}.GZ"), &twice).unwrap(), expected, "members one after another");
    }
    let refused = |name: &str, content: &[u8], word: &str| {
        let error = at(name, content).unwrap_err();
        assert!(error.exit_code() == 4 && error.to_string().contains(word), "{error}");
    };
    refused("d.csv.gz", csv, "without .gz");
    refused("d.gz", &compressed(csv), "with .gz behind");
    refused("d.csv.bz2", b"BZh", "decompress it first");
    refused("d.csv.gz", &compressed(b""), "empty");
    let whole = compressed(csv);
    refused("d.csv.gz", &whole[..whole.len() - 3], "damaged");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    refused("d.csv.gz", &flipped, "damaged");
}

/// Odd files as they came, through the program.
#[test]
fn odd_files_are_read_right_or_refused() {
    let run = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
        let mut command = eulerscope();
        command.args(["spectrum", "--device", "cpu", "--quiet", "--json", "--matrix"]).arg(path);
        command
    };
    for (name, values) in [("cr_only.mtx", "[[1.0,0.0],[2.0,0.0]]"), ("descr_float64.npy", "[[2.0,0.0]]")] {
        let output = run(name).output().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["eigenvalues"].to_string(), values, "{name}");
    }
    let line = refusal(run("integer_2p53_1.mtx"), 4);
    assert!(line.contains("line 3: 9007199254740993 is not exact as a float"), "{line}");
}
