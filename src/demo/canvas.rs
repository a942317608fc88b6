//! The picture itself: shapes are filled with anti-aliased edges and lit from the upper left.
//!
//! Only `+ - * /`, square roots and `libm` are used, in one order, so that a picture is the same bytes on every machine.
//! This room refuses to know what is drawn.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::shape::Shape;

/// Pixels along each edge of a picture.
pub const SIDE: u16 = 320;
/// Pixels a unit.
const SCALE: f32 = 3.2;
/// Lines of samples a pixel row: along a row coverage is exact, across rows it is sampled.
const LINES: u16 = 4;
/// Where the light comes from, as a direction in the picture.
const LIGHT: (f32, f32) = (-0.6, -0.8);

/// A color in sRGB, each channel from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color([f32; 3]);

/// A color from its web notation, `0xRRGGBB`.
pub fn rgb(web: u32) -> Color {
    let [_, red, green, blue] = web.to_be_bytes();
    Color([red, green, blue].map(|channel| f32::from(channel) / 255.0))
}

impl Color {
    /// A share `t` of the way to another color.
    #[must_use]
    pub fn toward(self, other: Color, t: f32) -> Color {
        let mix = |i: usize| self.0[i] + (other.0[i] - self.0[i]) * t;
        Color([mix(0), mix(1), mix(2)])
    }

    /// Closer to white.
    #[must_use]
    pub fn lighter(self, t: f32) -> Color {
        self.toward(Color([1.0; 3]), t)
    }

    /// Closer to black.
    #[must_use]
    pub fn darker(self, t: f32) -> Color {
        self.toward(Color([0.0; 3]), t)
    }

    /// The eye's brightness, 0 to 1.
    pub fn brightness(self) -> f32 {
        0.3 * self.0[0] + 0.6 * self.0[1] + 0.1 * self.0[2]
    }
}

/// How a surface takes the light.
#[derive(Clone, Copy, Debug)]
pub struct Finish {
    color: Color,
    /// How far the rounding of the edges reaches in, in units; 0 is flat.
    relief: f32,
    /// How strongly it darkens and brightens.
    depth: f32,
    /// Strength of the white highlight.
    gloss: f32,
}

impl Finish {
    /// No light at all: print, seams, text.
    pub fn flat(color: Color) -> Finish {
        Finish { color, relief: 0.0, depth: 0.0, gloss: 0.0 }
    }

    /// Cloth and paper: soft edges, no highlight.
    pub fn cloth(color: Color) -> Finish {
        Finish { color, relief: 5.0, depth: 0.45, gloss: 0.0 }
    }

    /// Ceramic, plastic and gems.
    pub fn glaze(color: Color) -> Finish {
        Finish { color, relief: 5.0, depth: 0.7, gloss: 0.7 }
    }

    /// Polished metal.
    pub fn metal(color: Color) -> Finish {
        Finish { color, relief: 1.3, depth: 1.5, gloss: 1.0 }
    }

    /// The same with another reach of the rounding.
    #[must_use]
    pub fn rounded(self, relief: f32) -> Finish {
        Finish { relief, ..self }
    }

    /// The color where the surface leans toward the light by `lean` (negative: away).
    fn lit(self, lean: f32) -> Color {
        let lean = (lean * self.depth).clamp(-0.75, 0.9);
        let base = if lean < 0.0 { self.color.darker(-lean) } else { self.color.lighter(lean * 0.45) };
        let shine = ((lean - 0.3) / 0.5).clamp(0.0, 1.0);
        base.lighter(shine * shine * self.gloss)
    }
}

/// A square picture of [`SIDE`] pixels.
pub struct Canvas {
    pixels: Vec<Color>,
}

impl Canvas {
    /// A studio background.
    pub fn new(background: Color) -> Canvas {
        Canvas { pixels: vec![background; usize::from(SIDE) * usize::from(SIDE)] }
    }

    /// Paints a shape.
    pub fn paint(&mut self, shape: &Shape, finish: Finish) {
        self.paint_mask(&Mask::of(shape, finish.relief), finish);
    }

    /// Paints the part of a shape that lies inside another: a print on a shirt.
    pub fn paint_inside(&mut self, outer: &Shape, shape: &Shape, finish: Finish) {
        let mut mask = Mask::of(shape, finish.relief);
        mask.keep_inside(&Mask::of(outer, 0.0));
        self.paint_mask(&mask, finish);
    }

    /// Lays `color` over a shape, `strength` 0 to 1, with edges blurred by `blur` units: shadows, folds, glows.
    pub fn tint(&mut self, shape: &Shape, color: Color, blur: f32, strength: f32) {
        let mask = Mask::of(shape, blur).blurred(blur);
        self.blend(&mask, |_, _| (color, strength));
    }

    /// [`Canvas::tint`] inside another shape only.
    pub fn tint_inside(&mut self, outer: &Shape, shape: &Shape, color: Color, blur: f32, strength: f32) {
        let mut mask = Mask::of(shape, blur).blurred(blur);
        mask.keep_inside(&Mask::of(outer, 0.0));
        self.blend(&mask, |_, _| (color, strength));
    }

    /// The soft shadow that a thing throws on the background.
    pub fn shadow(&mut self, shape: &Shape, right: f32, down: f32, blur: f32) {
        self.tint(&shape.clone().moved(right, down), rgb(0x2A_2622), blur, 0.28);
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// What the encoder reports.
    pub fn png(&self) -> image::ImageResult<Vec<u8>> {
        let bytes: Vec<u8> = self.pixels.iter().flat_map(|color| color.0.map(byte)).collect();
        let mut file = Vec::new();
        PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive).write_image(
            &bytes,
            SIDE.into(),
            SIDE.into(),
            ExtendedColorType::Rgb8,
        )?;
        Ok(file)
    }

    fn paint_mask(&mut self, mask: &Mask, finish: Finish) {
        if finish.relief <= 0.0 {
            return self.blend(mask, |_, _| (finish.color, 1.0));
        }
        // The blurred mask is taken as a height; its slope says how the surface leans.
        let height = mask.blurred(finish.relief);
        let reach = finish.relief * SCALE;
        self.blend(mask, |column, row| {
            let across = height.value(column + 1, row) - height.value(column.wrapping_sub(1), row);
            let down = height.value(column, row + 1) - height.value(column, row.wrapping_sub(1));
            (finish.lit(-(across * LIGHT.0 + down * LIGHT.1) * reach), 1.0)
        });
    }

    /// Mixes in a color with a strength, given per mask pixel, where the mask covers.
    fn blend(&mut self, mask: &Mask, color: impl Fn(usize, usize) -> (Color, f32)) {
        for row in 0..mask.height {
            for column in 0..mask.width {
                let covered = mask.values[row * mask.width + column];
                if covered > 0.0 {
                    let pixel = &mut self.pixels[(mask.top + row) * usize::from(SIDE) + mask.left + column];
                    let (color, strength) = color(column, row);
                    *pixel = pixel.toward(color, covered * strength);
                }
            }
        }
    }
}

/// How much of each pixel a shape covers, within the shape's bounding box.
struct Mask {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Mask {
    /// Rasterizes a shape, leaving `margin` units round it for a blur.
    fn of(shape: &Shape, margin: f32) -> Mask {
        let edges = edges(shape);
        let reach =
            |pick: fn(&Edge) -> f32, fold: fn(f32, f32) -> f32, start: f32| edges.iter().map(pick).fold(start, fold);
        let margin = margin * SCALE * 1.5 + 1.0;
        let left = pixel(reach(|e| e.x0.min(e.x1), f32::min, f32::MAX) - margin);
        let right = pixel(reach(|e| e.x0.max(e.x1), f32::max, f32::MIN) + margin + 1.0);
        let top = pixel(reach(|e| e.y0, f32::min, f32::MAX) - margin);
        let bottom = pixel(reach(|e| e.y1, f32::max, f32::MIN) + margin + 1.0);
        let (width, height) = (right.saturating_sub(left), bottom.saturating_sub(top));
        let mut mask = Mask { left, top, width, height, values: vec![0.0; width * height] };

        let mut crossings = vec![Vec::new(); height * usize::from(LINES)];
        for edge in &edges {
            let first = pixel_line(edge.y0, top).min(crossings.len());
            let last = pixel_line(edge.y1, top).min(crossings.len());
            for (line, found) in crossings.iter_mut().enumerate().take(last).skip(first) {
                let y = (exact(line) + 0.5) / f32::from(LINES) + exact(top);
                found.push((edge.x0 + (edge.x1 - edge.x0) * (y - edge.y0) / (edge.y1 - edge.y0), edge.winding));
            }
        }
        for (line, found) in crossings.iter_mut().enumerate() {
            found.sort_by(|a, b| a.0.total_cmp(&b.0));
            let row = line / usize::from(LINES);
            let values = &mut mask.values[row * width..(row + 1) * width];
            let mut winding = 0;
            for pair in found.windows(2) {
                winding += pair[0].1;
                if winding != 0 {
                    cover(values, pair[0].0 - exact(left), pair[1].0 - exact(left));
                }
            }
        }
        mask
    }

    /// Three box blurs each way: close to a bell curve that ends `radius` units out.
    fn blurred(&self, radius: f32) -> Mask {
        let reach = pixel(radius * SCALE / 2.0).max(1);
        let mut values = self.values.clone();
        let mut line = Vec::new();
        for _ in 0..3 {
            for row in 0..self.height {
                box_blur(&mut values, row * self.width, 1, self.width, reach, &mut line);
            }
            for column in 0..self.width {
                box_blur(&mut values, column, self.width, self.height, reach, &mut line);
            }
        }
        Mask { values, ..*self }
    }

    /// Keeps what `outer` covers too.
    fn keep_inside(&mut self, outer: &Mask) {
        for row in 0..self.height {
            for column in 0..self.width {
                let right = (self.left + column).wrapping_sub(outer.left);
                let down = (self.top + row).wrapping_sub(outer.top);
                self.values[row * self.width + column] *= outer.value(right, down);
            }
        }
    }

    /// The value at a place of the mask; 0 outside.
    fn value(&self, column: usize, row: usize) -> f32 {
        if column < self.width && row < self.height { self.values[row * self.width + column] } else { 0.0 }
    }
}

/// An edge in pixels that runs downward, with the winding that it had.
struct Edge {
    x0: f32,
    y0: f32,
    x1: f32,
    y1: f32,
    winding: i32,
}

fn edges(shape: &Shape) -> Vec<Edge> {
    let rings = shape.rings().iter().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)));
    rings
        .filter(|(from, to)| from.y.total_cmp(&to.y).is_ne())
        .map(|(from, to)| {
            let (upper, lower, winding) = if from.y < to.y { (from, to, 1) } else { (to, from, -1) };
            Edge { x0: upper.x * SCALE, y0: upper.y * SCALE, x1: lower.x * SCALE, y1: lower.y * SCALE, winding }
        })
        .collect()
}

/// Adds one sample line's share for the pixels between two places, exactly.
fn cover(values: &mut [f32], from: f32, to: f32) {
    let (from, to) = (from.clamp(0.0, exact(values.len())), to.clamp(0.0, exact(values.len())));
    let (first, last) = (pixel(from), pixel(to));
    for (column, value) in values.iter_mut().enumerate().take(last + 1).skip(first) {
        let inside = to.min(exact(column) + 1.0) - from.max(exact(column));
        *value = (*value + inside.max(0.0) / f32::from(LINES)).min(1.0);
    }
}

/// Replaces `count` values, `stride` apart, by their means over `reach` values to both sides.
fn box_blur(values: &mut [f32], start: usize, stride: usize, count: usize, reach: usize, line: &mut Vec<f32>) {
    line.clear();
    line.extend((0..count).map(|i| values[start + i * stride]));
    let window = exact(2 * reach + 1);
    let mut sum: f32 = line.iter().take(reach).sum();
    for i in 0..count {
        sum += line.get(i + reach).copied().unwrap_or(0.0);
        if i > reach {
            sum -= line[i - reach - 1];
        }
        // A running sum may end a rounding below zero.
        values[start + i * stride] = (sum / window).max(0.0);
    }
}

/// The first sample line of the mask at or below `y`.
fn pixel_line(y: f32, top: usize) -> usize {
    let line = ((y - exact(top)) * f32::from(LINES) - 0.5).ceil().max(0.0);
    whole(line)
}

/// The pixel that holds a place, within the picture.
fn pixel(place: f32) -> usize {
    whole(place.clamp(0.0, f32::from(SIDE)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "floor of a small value that is not negative"
)]
fn whole(value: f32) -> usize {
    value as usize
}

#[expect(clippy::cast_precision_loss, reason = "pixels and sample lines number a few thousand")]
fn exact(count: usize) -> f32 {
    count as f32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a byte holds")]
fn byte(channel: f32) -> u8 {
    (channel.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}
