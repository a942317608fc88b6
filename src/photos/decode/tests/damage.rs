//! Damage by chance to small files of every format: bits, cuts, bytes of one file inside another. Decoding may fail, but must
//! say why, and must not panic.

use super::*;

/// Numbers that look random and are the same every time.
struct Dice(u32);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % end.max(1)
    }
}

fn files() -> Vec<Vec<u8>> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    let mut files: Vec<_> = [Jpeg, Png, WebP, Gif, Bmp, Tiff].iter().map(|&format| encode(&flag(), format)).collect();
    files.extend((1..=8).step_by(3).map(|orientation| stored(&slopes(40, 24), orientation, Jpeg)));
    files.extend([Png, WebP].map(|format| stored(&slopes(40, 24), 6, format)));
    files.extend(
        [
            &include_bytes!("../../../../tests/images/cmyk-adobe.jpg")[..],
            include_bytes!("../../../../tests/images/ycck-adobe.jpg"),
            include_bytes!("../../../../tests/images/progressive.jpg"),
            include_bytes!("../../../../tests/images/restarts.jpg"),
            include_bytes!("../../../../tests/images/animated.webp"),
        ]
        .map(<[u8]>::to_vec),
    );
    files
}

fn damaged(files: &[Vec<u8>], number: usize, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = files[number].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        match dice.below(6) {
            0 | 1 => bytes[at] ^= 1 << dice.below(8),
            2 => bytes[at] = [0, 1, 0x7F, 0xFF][dice.below(4)],
            3 => bytes.truncate(at.max(4)),
            4 => {
                let end = at + dice.below(bytes.len() - at);
                bytes.drain(at..end);
            }
            _ => {
                let other = &files[dice.below(files.len())];
                let from = dice.below(other.len());
                let to = from + dice.below((other.len() - from).min(64));
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
        if bytes.len() < 4 {
            return bytes;
        }
    }
    bytes
}

#[test]
fn damage_by_chance_never_panics() {
    let files = files();
    let mut dice = Dice(7);
    let (mut decoded, mut refused) = (0, 0);
    for turn in 0..20_000 {
        let bytes = damaged(&files, turn % files.len(), &mut dice);
        for result in [decode(&bytes).map(Photo::Rgb), decode_for(&bytes, 0.875, 4), decode_for(&bytes, 0.875, 12)] {
            match result {
                Ok(photo) => {
                    decoded += 1;
                    if let Photo::Rgb(photo) = &photo {
                        assert_eq!(photo.pixels().len(), (photo.width() * photo.height() * 3) as usize);
                    }
                    assert_eq!(crop_and_resize(&photo, 0.875, 4).len(), 48);
                }
                Err(fault) => {
                    refused += 1;
                    assert!(fault.code.starts_with("image_") && !fault.detail.contains("gave up"), "{fault}");
                }
            }
        }
    }
    assert!(decoded > 500 && refused > 500, "{decoded} {refused}");
}
