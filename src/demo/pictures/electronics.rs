//! Phones, their cases and headphones. Refuses screens with words.

use super::seam;
use crate::demo::canvas::{Canvas, Color, Finish, rgb};
use crate::demo::shape::{Point, Shape, arc, at, curve};

/// A phone model: it decides the corners and where the cameras are, and so which case fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Mini,
    One,
    Plus,
    Pro,
    Max,
}

/// The build of a pair of headphones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headphones {
    Studio,
    Slim,
    Gaming,
    Buds,
    Sport,
}

/// The measures of a model's back.
struct Back {
    width: f32,
    height: f32,
    corner: f32,
    /// Center and size of the camera plate, and the lenses on it.
    plate: (Point, f32, f32),
    lenses: &'static [(f32, f32)],
}

fn back(device: Device) -> Back {
    let (width, height, corner) = match device {
        Device::Mini => (33.0, 66.0, 6.0),
        Device::One => (36.0, 74.0, 5.5),
        Device::Plus => (39.0, 80.0, 7.0),
        Device::Pro => (38.0, 78.0, 3.2),
        Device::Max => (42.0, 86.0, 4.0),
    };
    let (left, top) = (-width / 2.0, -height / 2.0);
    let (plate, lenses): (_, &[(f32, f32)]) = match device {
        Device::Mini => ((at(left + 8.0, top + 8.0), 9.0, 9.0), &[(0.0, 0.0)]),
        Device::One => ((at(left + 8.0, top + 12.0), 9.0, 17.0), &[(0.0, -4.0), (0.0, 4.0)]),
        Device::Plus => ((at(0.0, top + 13.0), 20.0, 20.0), &[(-4.5, -4.5), (4.5, -4.5), (-4.5, 4.5), (4.5, 4.5)]),
        Device::Pro => ((at(left + 11.5, top + 11.5), 17.0, 17.0), &[(-4.0, -4.0), (-4.0, 4.0), (4.2, 0.0)]),
        Device::Max => ((at(0.0, top + 10.0), 38.0, 11.0), &[(-12.0, 0.0), (-3.0, 0.0), (6.0, 0.0)]),
    };
    Back { width, height, corner, plate, lenses }
}

/// The back in its color, and the screen of a second one behind it.
pub fn draw_phone(canvas: &mut Canvas, device: Device, color: Color) {
    let body = back(device);
    let front = at(64.0, 47.0);
    let shell = |center: Point| Shape::rectangle(center, body.width, body.height, body.corner);
    canvas.shadow(&shell(front), 1.5, 2.5, 3.0);
    canvas.paint(&shell(front), Finish::metal(color.toward(rgb(0x80_84_88), 0.4)).rounded(1.0));
    let screen = Shape::rectangle(front, body.width - 2.4, body.height - 2.4, body.corner - 1.0);
    canvas.paint(&screen, Finish::flat(rgb(0x14_1A_2C)));
    canvas.tint_inside(&screen, &Shape::circle(at(72.0, 74.0), 18.0), rgb(0xF2_6B_8A), 12.0, 0.9);
    canvas.tint_inside(&screen, &Shape::circle(at(78.0, 40.0), 16.0), rgb(0x3F_7D_F0), 12.0, 0.9);
    canvas.paint(&Shape::circle(at(front.x, front.y - body.height / 2.0 + 4.0), 1.1), Finish::flat(rgb(0)));

    let center = at(38.0, 52.0);
    canvas.shadow(&shell(center), 1.5, 2.5, 3.0);
    canvas.paint(&shell(center), Finish::metal(color.toward(rgb(0xA0_A4_A8), 0.3)).rounded(1.0));
    let glass = Shape::rectangle(center, body.width - 1.4, body.height - 1.4, body.corner - 0.6);
    canvas.paint(&glass, Finish::glaze(color).rounded(1.6));
    let sheen = Shape::polygon([(12.0, 96.0), (34.0, 10.0), (46.0, 10.0), (24.0, 96.0)].map(|(x, y)| at(x, y)));
    canvas.tint_inside(&glass, &sheen, rgb(0xFF_FF_FF), 2.0, 0.12);
    cameras(canvas, &body, center, color);
    canvas.paint(&Shape::circle(at(center.x, center.y + 6.0), 2.2), Finish::flat(seam(color)));
}

/// The case alone, from behind, with the hole for the cameras of its model.
pub fn draw_case(canvas: &mut Canvas, device: Device, color: Color) {
    let body = back(device);
    let center = at(50.0, 50.0);
    let outer = Shape::rectangle(center, body.width + 4.0, body.height + 4.0, body.corner + 2.0);
    canvas.shadow(&outer, 1.5, 2.5, 3.0);
    canvas.paint(&outer, Finish::glaze(color.darker(0.12)).rounded(1.6));
    let face = Shape::rectangle(center, body.width + 0.5, body.height + 0.5, body.corner + 0.6);
    canvas.paint(&face, Finish::cloth(color).rounded(1.4));
    let (place, width, height) = body.plate;
    let place = at(center.x + place.x, center.y + place.y);
    let rim = Shape::rectangle(place, width + 2.6, height + 2.6, 3.6);
    canvas.paint(&rim, Finish::glaze(color.darker(0.1)).rounded(0.9));
    let hole = Shape::rectangle(place, width + 0.6, height + 0.6, 2.8);
    canvas.paint(&hole, Finish::flat(rgb(0xD8_D6_D1)));
    canvas.tint_inside(&hole, &rim.without(hole.clone()).moved(0.8, 1.2), rgb(0), 1.2, 0.5);
    let button = Shape::rectangle(at(center.x + body.width / 2.0 + 2.2, 42.0), 1.4, 9.0, 0.6);
    canvas.paint(&button, Finish::glaze(color.darker(0.25)).rounded(0.6));
}

fn cameras(canvas: &mut Canvas, body: &Back, center: Point, color: Color) {
    let (place, width, height) = body.plate;
    let place = at(center.x + place.x, center.y + place.y);
    let bump = Shape::rectangle(place, width, height, 2.6);
    canvas.shadow(&bump, 0.4, 0.6, 0.8);
    canvas.paint(&bump, Finish::glaze(color.darker(0.18)).rounded(0.9));
    for &(right, down) in body.lenses {
        let lens = at(place.x + right, place.y + down);
        canvas.paint(&Shape::circle(lens, 3.3), Finish::metal(rgb(0x70_74_7A)).rounded(0.8));
        canvas.paint(&Shape::circle(lens, 2.6), Finish::flat(rgb(0x0B_0D_12)));
        canvas.tint(&Shape::circle(at(lens.x - 0.6, lens.y - 0.7), 0.8), rgb(0x6F_9A_D8), 0.5, 0.9);
    }
}

/// Headphones from the front.
pub fn draw_headphones(canvas: &mut Canvas, headphones: Headphones, color: Color) {
    let dark = color.darker(0.45);
    match headphones {
        Headphones::Studio => over_ear(canvas, color, dark, (5.5, 10.5, 17.0)),
        Headphones::Slim => over_ear(canvas, color, rgb(0x3A_3A_3E), (2.4, 8.0, 10.5)),
        Headphones::Gaming => {
            over_ear(canvas, color, rgb(0x1C_1D_22), (7.5, 12.5, 18.5));
            let boom = Shape::stroke(&curve(&[at(18.0, 76.0), at(22.0, 90.0), at(40.0, 94.0)]), 1.8);
            canvas.paint(&boom, Finish::glaze(rgb(0x1C_1D_22)).rounded(0.9));
            canvas.paint(&Shape::ellipse(at(42.0, 94.0), 4.2, 2.6), Finish::glaze(rgb(0x1C_1D_22)).rounded(1.4));
        }
        Headphones::Buds => {
            let case = Shape::rectangle(at(50.0, 70.0), 50.0, 36.0, 14.0);
            canvas.shadow(&case, 1.0, 2.5, 3.5);
            canvas.paint(&case, Finish::glaze(color).rounded(6.0));
            canvas.paint_inside(
                &case,
                &Shape::stroke(&[at(20.0, 63.0), at(80.0, 63.0)], 0.8),
                Finish::flat(seam(color)),
            );
            canvas.paint(&Shape::circle(at(50.0, 69.0), 1.0), Finish::flat(rgb(0x5A_D0_7A)));
            for side in [-1.0, 1.0] {
                let stem = Shape::stroke(&[at(50.0 + side * 17.0, 24.0), at(50.0 + side * 16.0, 44.0)], 6.0);
                let head = Shape::ellipse(at(50.0 + side * 15.0, 21.0), 9.0, 8.0);
                let bud = stem.and(head);
                canvas.shadow(&bud, 1.0, 1.8, 2.0);
                canvas.paint(&bud, Finish::glaze(color).rounded(3.5));
                canvas.paint(&Shape::ellipse(at(50.0 + side * 10.0, 21.0), 3.0, 4.2), Finish::glaze(dark).rounded(1.5));
            }
        }
        Headphones::Sport => {
            let band = curve(&[
                at(16.0, 22.0),
                at(12.0, 50.0),
                at(26.0, 82.0),
                at(50.0, 89.0),
                at(74.0, 82.0),
                at(88.0, 50.0),
                at(84.0, 22.0),
            ]);
            let band = Shape::stroke(&band, 3.0);
            canvas.shadow(&band, 1.0, 2.0, 2.0);
            canvas.paint(&band, Finish::glaze(dark).rounded(1.5));
            for x in [17.0, 83.0] {
                let hook = Shape::stroke(&arc(at(x, 20.0), 9.0, 12.0, 0.45, 1.05), 2.6);
                canvas.paint(&hook, Finish::glaze(color).rounded(1.2));
                let pod = Shape::rectangle(at(x, 26.0), 13.0, 17.0, 5.0);
                canvas.shadow(&pod, 0.8, 1.6, 1.6);
                canvas.paint(&pod, Finish::glaze(color).rounded(3.0));
                canvas.paint(&Shape::circle(at(x, 26.0), 3.2), Finish::metal(rgb(0x9A_9E_A4)));
            }
        }
    }
}

/// A headband with two cups: thickness of the band, width and height of half a cup.
fn over_ear(canvas: &mut Canvas, color: Color, pads: Color, (thick, across, down): (f32, f32, f32)) {
    let band = Shape::stroke(&arc(at(50.0, 50.0), 33.0, 37.0, 0.49, 1.01), thick);
    canvas.shadow(&band, 1.0, 2.0, 2.0);
    canvas.paint(&band, Finish::glaze(color).rounded(thick * 0.5));
    let cushion = Shape::stroke(&arc(at(50.0, 51.0), 31.5, 34.5, 0.64, 0.86), thick * 0.8);
    canvas.paint(&cushion, Finish::cloth(pads).rounded(thick * 0.4));
    for side in [-1.0, 1.0] {
        let pad = Shape::ellipse(at(50.0 + side * (33.0 - across * 0.55), 64.0), across * 0.6, down * 0.98);
        let cup = Shape::ellipse(at(50.0 + side * 34.0, 64.0), across * 0.72, down);
        canvas.shadow(&cup, 1.0, 2.5, 2.5);
        canvas.paint(&pad, Finish::cloth(pads).rounded(3.0));
        canvas.paint(&cup, Finish::glaze(color).rounded(4.0));
        let cap = Shape::ellipse(at(50.0 + side * 35.0, 64.0), across * 0.4, down * 0.62);
        canvas.paint(&cap, Finish::metal(color.toward(rgb(0xA0_A4_A8), 0.45)).rounded(2.0));
    }
}
