//! Caches of small vectors.

use super::*;

const DAY: u32 = 20_000;

fn row(seed: u8) -> (Content, Vec<f32>) {
    ([seed; 32], vec![f32::from(seed) + 1.0, -0.5, f32::MIN_POSITIVE])
}

fn open(folder: &Path, fingerprint: &str, day: u32) -> Cache {
    Cache::open_on(Some(folder.to_owned()), fingerprint, 3, day)
}

/// A run that uses the images of some seeds: those that are not there yet are added.
fn used_on(folder: &Path, fingerprint: &str, day: u32, seeds: impl IntoIterator<Item = u8>) {
    let mut cache = open(folder, fingerprint, day);
    let segments = cache.segments();
    assert!(cache.load(&segments, |_| false).is_empty());
    for (content, features) in seeds.into_iter().map(row) {
        cache.note(None, content);
        if cache.get(&content).is_none() {
            cache.add(content, features);
        }
    }
    cache.finish();
}

fn used(folder: &Path, seeds: std::ops::Range<u8>) {
    used_on(folder, "network", DAY, seeds);
}

/// The seeds whose features are there.
fn held_by(folder: &Path, fingerprint: &str) -> Vec<u8> {
    let mut cache = open(folder, fingerprint, DAY);
    let segments = cache.segments();
    cache.load(&segments, |_| false);
    (0..=u8::MAX).filter(|&seed| cache.get(&[seed; 32]).is_some_and(|features| features == row(seed).1)).collect()
}

fn held(folder: &Path) -> Vec<u8> {
    held_by(folder, "network")
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    segments_in(folder).unwrap()
}

#[test]
fn what_one_run_adds_the_next_run_finds() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("cache/embeddings");
    used(&folder, 0..5);
    used(&folder, 3..9);
    assert_eq!(held(&folder), (0..9).collect::<Vec<_>>());
    let mut cache = open(&folder, "network", DAY);
    let segments = cache.segments();
    let loaded = cache.load(&segments, |content| content[0] > 6);
    let mut wanted: Vec<u8> = loaded.iter().map(|(content, _)| content[0]).collect();
    wanted.sort_unstable();
    assert_eq!(wanted, [7, 8]);
    assert!(loaded.iter().all(|(content, unit)| *unit == make_unit(&row(content[0]).1)));
    // What was handed over is not kept twice.
    assert!(cache.get(&[7; 32]).is_none() && cache.get(&[6; 32]).is_some());
}

#[test]
fn a_damaged_segment_is_removed_wherever_the_damage_is() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path(), 0..4);
    let path = segments(folder.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let of_the_embedder = 8..40;
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        fs::write(&path, &bytes).unwrap();
        assert!(held(folder.path()).is_empty(), "byte {at}");
        // A segment that claims to be of another embedder is only left alone.
        assert_eq!(path.exists(), of_the_embedder.contains(&at), "byte {at}");
    }
    for length in [0, 7, 48, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(held(folder.path()).is_empty() && !path.exists(), "length {length}");
    }
    // The next run writes it anew under the same name.
    used(folder.path(), 0..4);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn one_bad_segment_does_not_take_the_others_with_it() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path(), 0..4);
    fs::write(folder.path().join("0.segment"), b"garbage").unwrap();
    fs::write(folder.path().join("f.segment.writing-1"), b"left by a run that was killed").unwrap();
    assert_eq!(held(folder.path()), [0, 1, 2, 3]);
    used(folder.path(), 0..4);
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.retain(|name| !name.to_str().unwrap().ends_with("segment"));
    names.sort();
    assert_eq!(names, ["index", "lock"]);
}

#[test]
fn a_lost_index_and_lost_faults_cost_time_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut cache = open(folder.path(), "network", DAY);
    cache.note(Some([1; 16]), [1; 32]);
    cache.add_fault([2; 32], &Fault { code: "image_broken", detail: String::new() });
    cache.add([1; 32], row(1).1);
    cache.finish();
    for name in ["index", "faults"] {
        fs::write(folder.path().join(name), b"garbage").unwrap();
    }
    let cache = open(folder.path(), "network", DAY);
    assert!(cache.content(&[1; 16]).is_none() && cache.fault(&[2; 32]).is_none());
    cache.finish();
    // Time runs from now on for what nobody knows of any more, and the garbage is replaced.
    assert_eq!(held(folder.path()), [1]);
    assert!(Index::read(folder.path()).is_ok() && Faults::read(folder.path(), "").is_ok());
    used_on(folder.path(), "network", DAY + KEPT_DAYS - 1, [9]);
    assert_eq!(held(folder.path()), [1, 9]);
}

#[test]
fn a_segment_that_vanishes_during_the_run_is_a_miss() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path(), 0..4);
    let mut cache = open(folder.path(), "network", DAY);
    let paths = cache.segments();
    cache.load(&paths, |_| false);
    fs::remove_file(&paths[0]).unwrap();
    assert_eq!(cache.get(&[1; 32]), None);
    assert!(cache.load(&paths, |_| true).is_empty());
}

#[test]
fn a_run_that_is_killed_has_lost_no_more_than_its_last_images() {
    let folder = tempfile::tempdir().unwrap();
    let mut cache = open(folder.path(), "network", DAY);
    for image in 0..5000_u32 {
        cache.add(*blake3::hash(&image.to_le_bytes()).as_bytes(), row(0).1);
        if image % 256 == 255 {
            cache.checkpoint();
        }
        // Dropped without an end, it would be as if it was killed here.
        let stored: usize = segments(folder.path()).iter().map(|path| images_of(path).unwrap().1.len()).sum();
        assert!(image as usize + 1 - stored < FULL, "{image}: {stored}");
    }
    assert!(segments(folder.path()).len() > 4);
    cache.pending.clear();
    cache.add([1; 32], row(1).1);
    cache.checkpoint();
    assert_eq!(cache.pending.len(), 1);
    cache.written = Instant::now().checked_sub(EVERY).unwrap();
    cache.checkpoint();
    assert!(cache.pending.is_empty() && held(folder.path()).contains(&1));
}

#[test]
fn small_segments_are_merged_when_there_are_many() {
    let folder = tempfile::tempdir().unwrap();
    for night in 0..9 {
        assert_eq!(segments(folder.path()).len(), usize::from(night));
        used(folder.path(), 0..night + 1);
    }
    assert_eq!(segments(folder.path()).len(), 1);
    assert_eq!(held(folder.path()), (0..9).collect::<Vec<_>>());
}

#[test]
fn what_no_night_uses_goes_after_ninety_days() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path(), 0..10);
    used_on(folder.path(), "older network", DAY, 0..10);
    let later = DAY + KEPT_DAYS;
    used_on(folder.path(), "network", later - 1, 0..6);
    assert_eq!(held(folder.path()), (0..10).collect::<Vec<_>>());
    assert_eq!(held_by(folder.path(), "older network"), (0..10).collect::<Vec<_>>());
    used_on(folder.path(), "network", later, 0..6);
    assert_eq!(held(folder.path()), (0..6).collect::<Vec<_>>());
    assert!(held_by(folder.path(), "older network").is_empty());
    assert_eq!(segments(folder.path()).len(), 1);
}

#[test]
fn nothing_is_tidied_up_beside_another_run() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path(), 0..10);
    let other = open(folder.path(), "network", DAY);
    let unfinished = folder.path().join("x.segment.writing-1");
    fs::write(&unfinished, b"half").unwrap();
    used_on(folder.path(), "network", DAY + KEPT_DAYS, 0..6);
    assert_eq!(held(folder.path()), (0..10).collect::<Vec<_>>());
    assert!(unfinished.exists());
    other.finish();
    assert!(!unfinished.exists());
}

#[test]
fn merging_that_is_cut_off_at_any_instant_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..9 {
        write_segment(folder.path(), blake3::hash(b"network").as_bytes(), 3, &[row(seed)]).unwrap();
    }
    let before: Vec<_> =
        segments(folder.path()).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    used(folder.path(), 0..9);
    let merged = segments(folder.path());
    assert_eq!(merged.len(), 1);
    // Whichever of the old ones are not removed yet.
    for (path, bytes) in &before {
        fs::write(path, bytes).unwrap();
        assert_eq!(held(folder.path()), (0..9).collect::<Vec<_>>());
    }
    used(folder.path(), 0..9);
    assert_eq!(held(folder.path()), (0..9).collect::<Vec<_>>());
    assert_eq!(segments(folder.path()).len(), 1);
}

#[test]
fn a_folder_that_cannot_be_written_costs_only_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"").unwrap();
    used(&folder.path().join("file/cache"), 0..3);
    assert!(held(&folder.path().join("file/cache")).is_empty());
}

#[test]
fn the_embedder_tells_features_apart() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path(), 0..3);
    assert!(held_by(folder.path(), "other network").is_empty());
}

#[test]
fn what_one_embedder_cannot_decode_another_one_tries() {
    let folder = tempfile::tempdir().unwrap();
    let fault = Fault { code: "image_broken", detail: "in a part that the other does not look at".to_owned() };
    let mut cache = open(folder.path(), "network", DAY);
    cache.note(None, [1; 32]);
    cache.add_fault([1; 32], &fault);
    cache.finish();
    assert_eq!(open(folder.path(), "network", DAY).fault(&[1; 32]), Some(&fault));
    assert_eq!(open(folder.path(), "other network", DAY).fault(&[1; 32]), None);
}
