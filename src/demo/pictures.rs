//! What each product looks like, as data, and the way from there to a picture.
//!
//! Variants of one design differ here in a color or a size only. This room refuses to know ids and prices.

mod clothing;
mod electronics;
mod home;
mod jewelry;

use super::canvas::{Canvas, Color, rgb};
pub use clothing::{Fit, Garment, Pattern};
pub use electronics::{Device, Headphones};
pub use home::{Art, Lamp, Size, Weave};
pub use jewelry::{Metal, Motif, Piece};

/// A product's look. Numbers called `style` pick one of a few shapes; colors are in web notation.
#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    Jewel { piece: Piece, motif: Motif, metal: Metal },
    Garment { garment: Garment, fit: Fit, pattern: Pattern, color: u32, accent: u32 },
    Lamp { lamp: Lamp, color: u32 },
    Vase { style: u8, color: u32, size: Size },
    Poster { art: Art, size: Size },
    Rug { weave: Weave, color: u32, accent: u32, size: Size },
    Cushion { weave: Weave, color: u32, accent: u32 },
    Phone { device: Device, color: u32 },
    Case { device: Device, color: u32 },
    Headphones { headphones: Headphones, color: u32 },
}

/// Draws a product in the studio.
pub fn draw(picture: &Picture) -> Canvas {
    let mut canvas = Canvas::new(rgb(0xF6_F5_F2));
    match *picture {
        Picture::Jewel { piece, motif, metal } => jewelry::draw(&mut canvas, piece, motif, metal),
        Picture::Garment { garment, fit, pattern, color, accent } => {
            clothing::draw(&mut canvas, garment, fit, pattern, [rgb(color), rgb(accent)]);
        }
        Picture::Lamp { lamp, color } => home::draw_lamp(&mut canvas, lamp, rgb(color)),
        Picture::Vase { style, color, size } => home::draw_vase(&mut canvas, style, rgb(color), size),
        Picture::Poster { art, size } => home::draw_poster(&mut canvas, art, size),
        Picture::Rug { weave, color, accent, size } => {
            home::draw_rug(&mut canvas, weave, [rgb(color), rgb(accent)], size);
        }
        Picture::Cushion { weave, color, accent } => home::draw_cushion(&mut canvas, weave, [rgb(color), rgb(accent)]),
        Picture::Phone { device, color } => electronics::draw_phone(&mut canvas, device, rgb(color)),
        Picture::Case { device, color } => electronics::draw_case(&mut canvas, device, rgb(color)),
        Picture::Headphones { headphones, color } => electronics::draw_headphones(&mut canvas, headphones, rgb(color)),
    }
    canvas
}

/// The darker or lighter neighbor of a color: what shows as a seam or a line on it.
fn seam(color: Color) -> Color {
    if color.brightness() < 0.25 { color.lighter(0.22) } else { color.darker(0.25) }
}
