//! What nights remember of images: nothing is embedded twice, whatever cuts a night off, and what is remembered changes no table.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::run::{night, rows, string, table_bytes, twinset};

/// A picture unlike any other, of the same size as all.
pub fn draw(path: &Path, seed: u32) {
    let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    let tiles: Vec<u8> = (0..48).map(|_| next()).collect();
    let color = |x: u32, y: u32, c: u32| tiles[((x / 12 + y / 12 * 4) * 3 + c) as usize];
    let picture = image::RgbImage::from_fn(48, 48, |x, y| image::Rgb([0, 1, 2].map(|c| color(x, y, c))));
    picture.save(path).expect("written");
}

fn shop(folder: &Path, images: u32) {
    let mut csv = String::from("id,category,price,currency,image\n");
    for image in 0..images {
        draw(&folder.join(format!("{image}.bmp")), image);
        let line = format!("p{image},A/{},{}.50,EUR,{image}.bmp\n", image % 3, image % 40 + 1);
        csv.push_str(&line);
    }
    csv.push_str("broken,A/0,9.00,EUR,broken.jpg\n");
    std::fs::write(folder.join("broken.jpg"), b"\xFF\xD8\xFF nothing more").expect("written");
    std::fs::write(folder.join("p.csv"), csv).expect("written");
    let config = "[catalog]\npath = 'p.csv'\n[output]\nembeddings = true\n";
    std::fs::write(folder.join("twinset.toml"), config).expect("written");
}

fn segments(out: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(out.join("cache/embeddings")) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "segment")).collect()
}

/// The images whose features are stored: a segment's header has 48 bytes and ends with the number of hashes that follow.
fn stored(out: &Path) -> HashSet<Vec<u8>> {
    let mut all = HashSet::new();
    for path in segments(out) {
        let bytes = std::fs::read(path).expect("readable");
        let entries = u32::from_le_bytes(bytes[44..48].try_into().expect("four bytes")) as usize;
        all.extend(bytes[48..].chunks_exact(32).take(entries).map(<[u8]>::to_vec));
    }
    all
}

#[test]
fn killed_at_any_time_a_night_loses_only_what_it_had_not_stored() {
    const IMAGES: u32 = 120;
    const DATE: [&str; 2] = ["--run-date", "2026-11-22"];
    let folder = tempfile::tempdir().expect("a temporary folder");
    shop(folder.path(), IMAGES);
    let start = Instant::now();
    let undisturbed = night(&["run", "--out", "undisturbed", DATE[0], DATE[1]], folder.path());
    let mut usual = start.elapsed();
    assert_eq!(undisturbed["counts"]["embedded_now"], IMAGES);
    let expected = table_bytes(&folder.path().join("undisturbed"));

    let out = folder.path().join("out");
    let (mut kills, mut with_some_stored, mut instant) = (0, 0, 7_u32);
    // Some runs end before they are killed.
    for attempt in 0..96 {
        if kills >= 20 && with_some_stored >= 4 {
            break;
        }
        let before = stored(&out);
        let mut run = Command::new(env!("CARGO_BIN_EXE_twinset"));
        run.args(["run", DATE[0], DATE[1]]).current_dir(folder.path());
        let mut child = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        instant = instant.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        std::thread::sleep(usual * (instant >> 16) / (1 << 16));
        let _ = child.kill();
        let ended = child.wait().expect("ends").success();
        kills += u32::from(!ended);
        let after = stored(&out);
        assert!(before.is_subset(&after), "what was stored is lost");
        // The machine may be faster or slower than when the first night was timed.
        usual = match (ended, after.is_empty()) {
            (true, _) => usual * 3 / 4,
            (false, true) => usual * 9 / 8,
            (false, false) => usual,
        };
        with_some_stored += u32::from(!after.is_empty() && after.len() < IMAGES as usize);
        // Some runs are cut off one after the other, then one may finish.
        if attempt % 3 < 2 {
            continue;
        }
        let finished = twinset(&["run", DATE[0], DATE[1]], folder.path());
        let said = String::from_utf8_lossy(&finished.stderr);
        assert_eq!(finished.status.code(), Some(0), "{said}");
        assert!(!said.contains("damaged"), "{said}");
        if !said.contains("nothing to do") {
            let left = IMAGES as usize - after.len();
            assert!(said.contains(&format!(" {left} were computed now")), "{left} were left to compute: {said}");
        }
        assert!(table_bytes(&out) == expected, "the tables differ from those of an undisturbed night");
        std::fs::remove_dir_all(&out).expect("removed");
    }
    println!("{kills} runs were killed, {with_some_stored} with some images stored and others not");
    assert!(kills >= 20 && with_some_stored >= 4, "{kills} kills, {with_some_stored} halfway: the test shows little");
}

#[test]
fn what_is_remembered_saves_work_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (folder, out) = (folder.path(), folder.path().join("out"));
    shop(folder, 100);
    let computed = |args: &[&str]| night(args, folder)["counts"]["embedded_now"].as_u64().expect("a number");
    let nothing_to_do = |args: &[&str]| {
        let output = twinset(args, folder);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("nothing to do"), "{args:?}: {said}");
        said
    };
    assert_eq!(computed(&["run", "--run-date", "2026-11-22"]), 100);
    let rejected = |out: &Path| rows(out, "rejects").iter().map(|row| string(row, "detail")).collect::<Vec<_>>();
    let first_reject = rejected(&out);
    assert_eq!(first_reject.len(), 1);

    // One image in a hundred changes, and one of the same size and time takes the place of another.
    draw(&folder.join("7.bmp"), 1007);
    assert_eq!(computed(&["run", "--run-date", "2026-11-23"]), 1);
    let then = std::fs::metadata(folder.join("8.bmp")).and_then(|m| m.modified()).expect("a time");
    draw(&folder.join("8.bmp"), 1008);
    std::fs::File::options().write(true).open(folder.join("8.bmp")).and_then(|f| f.set_modified(then)).expect("set");
    assert_eq!(computed(&["run", "--run-date", "2026-11-24"]), 1);

    // Whether a file is read or known, a fault remembered or found: the run is the same. Now files can be known.
    std::thread::sleep(Duration::from_millis(2100));
    let again = ["run", "--run-date", "2026-11-24"];
    for flags in [&[][..], &[], &["--rehash"], &["--retry-rejects"], &["--rehash", "--retry-rejects"]] {
        let said = nothing_to_do(&[&again, flags].concat());
        assert!(said.contains(" 0 were computed now"), "{said}");
    }
    assert_eq!(rejected(&out), [first_reject.clone(), first_reject.clone(), first_reject].concat());

    // A segment that rots away is said to be damaged, and what was in it is computed again: the same bits.
    let rotten =
        segments(&out).into_iter().max_by_key(|path| std::fs::metadata(path).map_or(0, |m| m.len())).expect("one");
    let mut bytes = std::fs::read(&rotten).expect("readable");
    let lost = u32::from_le_bytes(bytes[44..48].try_into().expect("four bytes"));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&rotten, bytes).expect("written");
    let said = nothing_to_do(&again);
    assert!(said.contains("is damaged (its checksum is wrong): it is removed"), "{said}");
    // Two pictures were replaced meanwhile; nobody asks for what they were.
    let computed: u32 =
        (lost - 2..=lost).find(|n| said.contains(&format!(" {n} were computed now"))).expect("what was lost");
    assert!(computed > 0);
    assert!(nothing_to_do(&again).contains(" 0 were computed now"));
}
