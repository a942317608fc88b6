//! From a photo of any size to the square that a network looks at. This room refuses to distort: it crops.

mod planar;

use std::cell::RefCell;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::{Photo, RgbPhoto};

thread_local! {
    /// What it works in is kept from photo to photo.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
    static PLANAR: RefCell<planar::Resizer> = RefCell::default();
}

/// The centered square whose side is `crop` times the photo's short side, resized to `side` x `side` with a Catmull-Rom
/// filter: `side * side * 3` bytes, row by row from the top, red, green, blue.
///
/// # Panics
/// When `crop` is not in (0, 1] or `side` is zero.
#[must_use]
pub fn crop_and_resize(photo: &Photo, crop: f64, side: u32) -> Vec<u8> {
    assert!(crop > 0.0 && crop <= 1.0 && side > 0, "a crop lies within the photo");
    match photo {
        Photo::Rgb(photo) => of_rgb(photo, crop, side),
        Photo::Planes(planes) => PLANAR.with_borrow_mut(|resizer| resizer.crop_and_resize(planes, crop, side)),
    }
}

fn of_rgb(photo: &RgbPhoto, crop: f64, side: u32) -> Vec<u8> {
    let [left, top, width, height] = [photo.shown.left, photo.shown.top, photo.shown.width, photo.shown.height]
        .map(|eighths| f64::from(eighths) / 8.0);
    let cropped = crop * width.min(height);
    let options = ResizeOptions::new()
        .crop(left + (width - cropped) / 2.0, top + (height - cropped) / 2.0, cropped, cropped)
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .use_alpha(false);

    let source = TypedImageRef::<U8x3>::from_buffer(photo.width, photo.height, &photo.pixels)
        .expect("a photo has as many bytes as its sides say");
    let mut square = vec![0; 3 * usize::try_from(side).expect("a side fits memory").pow(2)];
    let mut target = TypedImage::<U8x3>::from_buffer(side, side, &mut square).expect("three bytes a pixel");
    let resized = RESIZER.with_borrow_mut(|resizer| resizer.resize_typed(&source, &mut target, &options));
    resized.expect("the crop lies within the photo");
    square
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_center_is_kept_and_the_sides_are_cut() {
        let (width, height) = (300, 100);
        let pixels = (0..height * width)
            .flat_map(|i| if (90..210).contains(&(i % width)) { [200, 100, 50] } else { [0, 0, 255] })
            .collect();
        let photo = RgbPhoto::new(width, height, pixels).unwrap();
        let square = crop_and_resize(&photo.into(), 0.75, 8);
        assert_eq!(square.len(), 8 * 8 * 3);
        assert!(square.chunks(3).all(|pixel| pixel == [200, 100, 50]), "{square:?}");
    }

    #[test]
    fn extreme_shapes_fill_the_square() {
        for (width, height) in [(1, 1), (20_000, 1), (1, 3_000), (2, 3)] {
            let bytes = (width * height * 3) as usize;
            let photo = RgbPhoto::new(width, height, vec![77; bytes]).unwrap();
            assert_eq!(crop_and_resize(&photo.into(), 0.875, 16), vec![77; 16 * 16 * 3], "{width} x {height}");
        }
    }
}
