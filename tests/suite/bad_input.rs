//! Bad input through the front door: one line that says what, where and what to do, the right exit code, nothing published.

use std::path::Path;

use crate::run::{night, text, twinset};

/// Runs `twinset run` in a folder with these files and returns exit code and last line of stderr.
fn run(files: &[(&str, &str)], args: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("written");
    }
    let all: Vec<&str> = ["run"].iter().chain(args).copied().collect();
    let output = twinset(&all, folder.path());
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.stdout.is_empty(), "nothing on stdout: {:?}", output.stdout);
    let published = ["recommendations", "coverage", "rejects", "runs", "current.json"];
    for name in published {
        assert!(!folder.path().join("out").join(name).exists(), "`{name}` was published after {stderr}");
    }
    (output.status.code(), stderr.lines().last().unwrap_or_default().to_owned())
}

const PRODUCTS: &str = "id,category,price,currency,image\na,A/x,1.00,USD,\nb,A/x,2.00,USD,\n";

/// A configuration for `p.csv` with more behind it.
fn config(more: &str) -> String {
    format!("[catalog]\npath = 'p.csv'\n{more}")
}

fn rule(keys: &str) -> String {
    config(&format!("[[rule]]\nname = 'mine'\nrelation = 'upsell'\n{keys}\n"))
}

#[test]
fn an_unusable_catalog_file_is_exit_3() {
    for (content, named, says) in [
        (None, "missing.csv", "missing.csv"),
        (Some(""), "p.csv", "empty"),
        (Some("id,title,price\n"), "p.csv", "no rows"),
        (Some("sku,title,price\n1,a,2\n"), "p.csv", "`id`"),
        (Some("PAR1 and then nothing"), "p.csv", "Parquet"),
        (Some("id,price\n,1\n,2\n"), "p.csv", "no usable row"),
    ] {
        let files: Vec<(&str, &str)> = content.map(|c| ("p.csv", c)).into_iter().collect();
        let (code, line) = run(&files, &["--catalog", named]);
        assert_eq!(code, Some(3), "{line}");
        assert!(line.starts_with("error: ") && line.contains(named) && line.contains(says), "{line}");
    }
    let (code, line) = run(&[], &["--catalog", "."]);
    assert!(code == Some(3) && line.contains("folder"), "{line}");
}

#[test]
fn unusable_flags_configuration_and_rules_are_exit_2() {
    for (toml, says) in [
        (config("colour = 'red'"), "twinset.toml:3: unknown field `colour`"),
        (rule("candidates = 'any'\nlimits = 3"), "unknown field `limits`"),
        (rule("candidates = 'everything'"), "unknown candidates `everything`"),
        (rule("candidates = 'any'\nmust_match = ['gender']"), "`gender`"),
        (rule("candidates = 'any'\nlimit = 0"), "`limit = 0`"),
        (rule("limit = 3"), "missing field `candidates`"),
        (config("columns = { sku = 'id' }"), "sku"),
        (config("columns = { id = 'sku' }"), "sku"),
        (config("images = 'nowhere'"), "nowhere"),
        ("[catalog\n".to_owned(), "twinset.toml:1"),
    ] {
        let (code, line) = run(&[("p.csv", PRODUCTS), ("twinset.toml", &toml)], &["twinset.toml"]);
        assert_eq!(code, Some(2), "{toml}: {line}");
        assert!(line.starts_with("error: ") && line.contains(says), "{toml}: {line}");
    }
    let (code, line) = run(&[("p.csv", PRODUCTS)], &["--threads", "0", "--catalog", "p.csv"]);
    assert!(code == Some(2) && line.starts_with("error: ") && line.contains("--threads"), "{line}");
    let (code, line) = run(&[("p.csv", PRODUCTS)], &["--memory", "1MiB", "--catalog", "p.csv"]);
    assert!(code == Some(2) && line.contains("--memory"), "{line}");
    for args in [&["--device", "", "--catalog", "p.csv"][..], &["nowhere.toml"], &["--run-date", "22.11.2026"], &[]] {
        let (code, _) = run(&[("p.csv", PRODUCTS)], args);
        assert_eq!(code, Some(2), "{args:?}");
    }
}

#[test]
fn a_glob_that_matches_nothing_is_a_warning_that_names_the_rule() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("p.csv"), PRODUCTS).expect("written");
    std::fs::write(folder.path().join("twinset.toml"), rule("candidates = ['Toys/**']")).expect("written");
    let output = twinset(&["run"], folder.path());
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.lines().any(|l| l.contains("WARN") && l.contains("`mine`") && l.contains("`Toys/**`")), "{log}");
}

#[test]
fn many_rejects_are_published_with_exit_10() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Row 2 has two bad fields and is one row.
    let rows = "id,price,in_stock\na,1,\nb,-2,perhaps\nc,$3,\na,4,\n";
    std::fs::write(folder.path().join("p.csv"), rows).expect("written");
    let output = twinset(&["run", "--catalog", "p.csv"], folder.path());
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(10) && log.contains("3 of 4 rows"), "{log}");
    let rejects = crate::run::rows(&folder.path().join("out"), "rejects");
    let seen: Vec<(i64, Option<String>, Option<String>)> = rejects
        .iter()
        .map(|r| (crate::run::number(r, "row"), crate::run::string(r, "id"), crate::run::string(r, "code")))
        .collect();
    let code = |c: &str| Some(c.to_owned());
    let expected = [
        (2, code("b"), code("bad_price")),
        (2, code("b"), code("bad_stock")),
        (3, code("c"), code("bad_price")),
        (4, code("a"), code("duplicate_id")),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn init_writes_what_run_can_read_and_never_overwrites() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let products = "sku,name,category,price,image\n1,a,A/x,1.50,https://shop.example/a.jpg\n2,b,A/x,2.00,\n";
    std::fs::write(folder.path().join("p.csv"), products).expect("written");
    let output = twinset(&["init", "p.csv"], folder.path());
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("URL"), "a warning about URLs: {log}");
    assert_eq!(twinset(&["init", "p.csv"], folder.path()).status.code(), Some(2));
    let again = twinset(&["run", text(Path::new("twinset.toml"))], folder.path());
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
}

/// What is merely idle tonight is a warning with the rule and its line; what cannot be meant ends the command.
#[test]
fn rules_that_come_to_nothing_are_named_with_their_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write(
        "products.csv",
        "id,category,price,material,embedding\na,Rings,1,gold,\"[1, 0]\"\nb,Rings,2,tin,\"[0, 1]\"\n",
    );
    write("merchandising.csv", "action,product,rule,recommended\npin,a,,gone\n");
    let rules = "[catalog]\npath = 'products.csv'\ncurrency = 'USD'\n[embedding]\nkind = 'column'\n\
        [merchandising]\npath = 'merchandising.csv'\n\
        [[rule]]\nname = 'idle'\nrelation = 'similar'\nproducts = { category = ['Lamps/**'] }\ncandidates = 'any'\n\
        where = { material = ['silver'] }\nrank = { margin = 1.0 }\n\
        [[rule]]\nname = 'alone'\nrelation = 'similar'\ncandidates = 'other_category'\n";
    write("twinset.toml", rules);
    let manifest = night(&["run", "--device", "cpu"], folder.path());
    let warnings: Vec<&str> =
        manifest["warnings"].as_array().expect("warnings").iter().filter_map(|w| w.as_str()).collect();
    let expected = [
        "twinset.toml:8: rule `idle`: `Lamps/**` in `products` matches no category of the catalog",
        "twinset.toml:8: rule `idle`: no product has the value `silver` of `material` in `where`",
        "twinset.toml:8: rule `idle`: `margin` in `rank` counts nothing: no product has a margin or a cost",
        "twinset.toml:8: rule `idle`: serves no product of the catalog",
        "twinset.toml:15: rule `alone`: allows no candidate beside any product",
        "row 1 of the merchandising file: the product `gone` is not in the catalog",
    ];
    assert_eq!(warnings, expected);
    let said = twinset(&["check"], folder.path());
    let said = String::from_utf8(said.stdout).expect("text");
    assert!(expected.iter().all(|warning| said.contains(warning)), "{said}");
    for (key, expected) in [
        ("rank = { margin = 0.0 }", "twinset.toml:15: rule `alone`: `rank` has no term with a weight above 0"),
        ("colour = 'red'", "unknown field `colour`"),
    ] {
        write("twinset.toml", &format!("{rules}{key}\n"));
        let refused = twinset(&["run", "--device", "cpu"], folder.path());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && said.contains(expected), "{said}");
    }
}
