//! Lamps, vases, posters, rugs and cushions. Refuses rooms: each thing stands alone.

use super::seam;
use crate::demo::canvas::{Canvas, Color, Finish, rgb};
use crate::demo::shape::{Half, Point, Shape, arc, at, curve, steps};

/// Shade and foot of a lamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lamp {
    Drum,
    Cone,
    Globe,
    Tripod,
    Mushroom,
    Desk,
}

/// What a poster shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Art {
    Mountains,
    Waves,
    Fern,
    Arches,
    Skyline,
    Phases,
    Circles,
    Sailboat,
}

/// The pattern of a rug or a cushion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weave {
    Border,
    Stripes,
    Diamonds,
    Zigzag,
    Round,
    Dots,
}

/// Variants of one design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    Small,
    Medium,
    Large,
}

impl Size {
    /// How much of the picture it fills.
    fn scale(self) -> f32 {
        match self {
            Size::Small => 0.68,
            Size::Medium => 0.84,
            Size::Large => 1.0,
        }
    }
}

/// A lamp with a shade of its color.
pub fn draw_lamp(canvas: &mut Canvas, lamp: Lamp, color: Color) {
    let brass = Finish::metal(rgb(0xB8_8A_4A));
    canvas.tint(&Shape::ellipse(at(50.0, 93.0), 24.0, 2.6), rgb(0x2A_26_22), 3.0, 0.35);
    let pole = |top: f32| Shape::stroke(&[at(50.0, top), at(50.0, 90.0)], 2.6);
    let foot = Half::from(50.0, 87.5).bend((66.0, 88.0), 67.0, 93.0).line(50.0, 93.0).close();
    let (shade, body) = match lamp {
        Lamp::Drum => {
            let belly = Half::from(50.0, 48.0).bend((74.0, 60.0), 60.0, 84.0).line(62.0, 93.0).line(50.0, 93.0).close();
            (
                Half::from(50.0, 10.0).line(74.0, 10.0).line(79.0, 48.0).line(50.0, 48.0).close(),
                (belly, Finish::glaze(rgb(0xEC_E6_DA))),
            )
        }
        Lamp::Cone => (
            Half::from(50.0, 8.0).line(58.0, 8.0).line(80.0, 44.0).line(50.0, 44.0).close(),
            (pole(44.0).and(foot), brass),
        ),
        Lamp::Globe => {
            let base = Shape::rectangle(at(50.0, 82.0), 26.0, 22.0, 2.0);
            (Shape::circle(at(50.0, 42.0), 31.0), (base, Finish::cloth(rgb(0x9A_6B_42)).rounded(2.0)))
        }
        Lamp::Tripod => {
            let leg = Shape::stroke(&[at(50.0, 46.0), at(72.0, 93.0)], 2.8).with_mirror(50.0).and(pole(44.0));
            (
                Half::from(50.0, 10.0).line(71.0, 10.0).line(75.0, 42.0).line(50.0, 42.0).close(),
                (leg, Finish::cloth(rgb(0x9A_6B_42)).rounded(1.4)),
            )
        }
        Lamp::Mushroom => {
            let stem = Half::from(50.0, 40.0).line(57.0, 40.0).bend((56.0, 72.0), 68.0, 93.0).line(50.0, 93.0).close();
            (
                Half::from(50.0, 14.0).bend((84.0, 15.0), 86.0, 46.0).bend((66.0, 51.0), 50.0, 51.0).close(),
                (stem, Finish::glaze(color.lighter(0.25))),
            )
        }
        Lamp::Desk => {
            let arm = Shape::stroke(&[at(62.0, 91.0), at(76.0, 56.0), at(44.0, 26.0)], 2.6).and(foot.moved(12.0, 0.0));
            let shade = [(50.0, 14.0), (56.0, 22.0), (44.0, 52.0), (14.0, 28.0), (40.0, 15.0)].map(|(x, y)| at(x, y));
            (Shape::polygon(shade), (arm, Finish::metal(rgb(0x55_58_5E))))
        }
    };
    canvas.shadow(&body.0, 1.0, 1.5, 2.0);
    canvas.paint(&body.0, body.1);
    if lamp == Lamp::Desk {
        canvas.tint(&Shape::ellipse(at(28.0, 41.0), 20.0, 6.0).turned(at(28.0, 41.0), 0.11), rgb(0xFF_E9_A8), 2.0, 0.9);
    }
    canvas.shadow(&shade, 1.0, 2.0, 2.5);
    canvas.paint(&shade, Finish::cloth(color).rounded(6.0));
    // The bulb shines through.
    let glow = if lamp == Lamp::Desk { at(34.0, 36.0) } else { at(50.0, 36.0) };
    canvas.tint_inside(&shade, &Shape::ellipse(glow, 13.0, 11.0), rgb(0xFF_F3_C8), 7.0, 0.55);
}

/// A vase of one of six profiles.
pub fn draw_vase(canvas: &mut Canvas, style: u8, color: Color, size: Size) {
    let foot = at(50.0, 92.0);
    let fit = |shape: Shape| shape.scaled(foot, size.scale(), size.scale());
    canvas.tint(&fit(Shape::ellipse(at(50.0, 92.0), 22.0, 2.8)), rgb(0x2A_26_22), 3.0, 0.35);
    let (profile, lip) = match style {
        0 => {
            (Half::from(50.0, 14.0).line(57.0, 14.0).bend((54.0, 34.0), 66.0, 48.0).bend((84.0, 70.0), 62.0, 92.0), 7.0)
        }
        1 => (Half::from(50.0, 18.0).line(66.0, 18.0).bend((70.0, 55.0), 64.0, 92.0), 16.0),
        2 => (
            Half::from(50.0, 12.0).line(55.5, 12.0).line(55.5, 50.0).bend((80.0, 54.0), 77.0, 74.0).bend(
                (74.0, 91.0),
                62.0,
                92.0,
            ),
            5.5,
        ),
        3 => (
            Half::from(50.0, 34.0).line(61.0, 34.0).bend((90.0, 44.0), 84.0, 66.0).bend((78.0, 90.0), 60.0, 92.0),
            11.0,
        ),
        4 => (
            Half::from(50.0, 12.0).line(70.0, 12.0).bend((58.0, 44.0), 57.0, 60.0).bend((57.0, 76.0), 66.0, 92.0),
            20.0,
        ),
        _ => (
            Half::from(50.0, 16.0).line(60.0, 16.0).line(60.0, 24.0).bend((86.0, 34.0), 74.0, 62.0).bend(
                (64.0, 80.0),
                63.0,
                92.0,
            ),
            10.0,
        ),
    };
    let top = [14.0, 18.0, 12.0, 34.0, 12.0, 16.0][usize::from(style.min(5))];
    let body = fit(profile.line(50.0, 92.0).close());
    canvas.shadow(&body, 1.2, 1.5, 2.5);
    canvas.paint(&body, Finish::glaze(color).rounded(9.0));
    match style {
        1 => {
            let ribs = steps(9).map(|t| Shape::stroke(&[at(31.0 + t * 34.0, 20.0), at(33.0 + t * 30.5, 92.0)], 0.9));
            canvas.tint_inside(&body, &fit(Shape::union(ribs)), seam(color), 0.6, 0.7);
        }
        3 => {
            let bands = [54.0, 60.0, 66.0]
                .map(|y| Shape::stroke(&curve(&[at(10.0, y - 3.0), at(50.0, y + 1.5), at(90.0, y - 3.0)]), 2.0));
            canvas.tint_inside(&body, &fit(Shape::union(bands)), seam(color), 0.4, 0.8);
        }
        5 => {
            let dip = Shape::polygon([(0.0, 62.0), (100.0, 56.0), (100.0, 100.0), (0.0, 100.0)].map(|(x, y)| at(x, y)));
            canvas.tint_inside(&body, &fit(dip), rgb(0xE9_DF_CC), 0.3, 0.75);
        }
        _ => {}
    }
    let mouth = fit(Shape::ellipse(at(50.0, top), lip, lip * 0.2 + 0.6));
    canvas.paint(&mouth, Finish::flat(color.darker(0.55)));
    let shine = fit(Shape::stroke(&curve(&[at(37.0, 56.0), at(35.0, 66.0), at(38.0, 78.0)]), 2.4));
    canvas.tint_inside(&body, &shine, rgb(0xFF_FF_FF), 1.6, 0.5);
}

/// A framed poster; larger sizes fill more of the wall.
pub fn draw_poster(canvas: &mut Canvas, art: Art, size: Size) {
    let middle = at(50.0, 48.0);
    let fit = |shape: Shape| shape.scaled(middle, size.scale(), size.scale());
    let frame = fit(Shape::rectangle(middle, 66.0, 88.0, 0.5));
    canvas.shadow(&frame, 1.6, 2.6, 3.0);
    canvas.paint(&frame, Finish::cloth(rgb(0x2B_28_26)).rounded(1.0));
    canvas.paint(&fit(Shape::rectangle(middle, 61.0, 83.0, 0.2)), Finish::flat(rgb(0xFC_FA_F5)));
    let sheet = fit(Shape::rectangle(middle, 51.0, 73.0, 0.2));
    let mut lay = |shape: Shape, color: u32| canvas.paint_inside(&sheet, &fit(shape), Finish::flat(rgb(color)));
    let ground = Shape::rectangle(middle, 60.0, 80.0, 0.2);
    let hill = |points: &[(f32, f32)]| {
        let ridge = points.iter().map(|&(x, y)| at(x, y));
        Shape::polygon(ridge.chain([at(90.0, 100.0), at(10.0, 100.0)]))
    };
    let swell = |y: f32, shift: f32| {
        let crest: Vec<Point> =
            steps(40).map(|t| at(15.0 + t * 70.0, y + 3.2 * libm::sinf(t * 14.0 + shift))).collect();
        Shape::polygon(crest.into_iter().chain([at(90.0, 100.0), at(10.0, 100.0)]))
    };
    match art {
        Art::Mountains => {
            lay(ground, 0xF3_D9_B8);
            lay(Shape::circle(at(58.0, 33.0), 9.0), 0xE4_6A_43);
            lay(hill(&[(10.0, 70.0), (34.0, 42.0), (48.0, 58.0), (62.0, 46.0), (90.0, 72.0)]), 0x8D_A3_B4);
            lay(hill(&[(10.0, 62.0), (30.0, 58.0), (52.0, 74.0), (70.0, 60.0), (90.0, 70.0)]), 0x4F_6D_84);
            lay(hill(&[(10.0, 80.0), (40.0, 70.0), (60.0, 80.0), (90.0, 74.0)]), 0x26_3F_52);
        }
        Art::Waves => {
            lay(ground, 0xDD_EE_EE);
            for (i, color) in [0x9F_D0_D4, 0x5F_AC_B8, 0x2F_83_98, 0x1A_5B_78, 0x0E_37_52].into_iter().enumerate() {
                let row = [0.0, 1.0, 2.0, 3.0, 4.0][i];
                lay(swell(36.0 + row * 10.0, row * 1.7), color);
            }
        }
        Art::Fern => {
            lay(ground, 0xEE_F1_E4);
            lay(Shape::stroke(&curve(&[at(50.0, 84.0), at(48.0, 60.0), at(51.0, 16.0)]), 1.0), 0x2F_5D_3A);
            for t in steps(9) {
                let (y, reach) = (82.0 - t * 62.0, 17.0 - t * 11.0);
                let leaflet =
                    Shape::ellipse(at(50.0 + reach * 0.62, y - 4.0), reach * 0.62, 2.2).turned(at(50.0, y), -0.08);
                lay(leaflet.with_mirror(49.6), 0x3E_7A_4C);
            }
        }
        Art::Arches => {
            lay(ground, 0xF1_E3_D3);
            for (reach, color) in [(23.0, 0xB5_54_3A), (17.5, 0xE0_9A_5B), (12.0, 0xF1_D0_98), (6.5, 0x8A_9A_7B)] {
                let arch = arc(at(50.0, 58.0), reach, reach, 0.5, 1.0);
                lay(Shape::polygon(arch.into_iter().chain([at(50.0 + reach, 90.0), at(50.0 - reach, 90.0)])), color);
            }
        }
        Art::Skyline => {
            lay(ground, 0x23_2B_4D);
            lay(Shape::circle(at(38.0, 27.0), 6.0), 0xF6_E7_B0);
            let towers = [
                (28.0, 52.0, 9.0),
                (38.0, 44.0, 8.0),
                (47.0, 58.0, 9.0),
                (56.0, 36.0, 8.0),
                (65.0, 50.0, 9.0),
                (74.0, 60.0, 8.0),
            ];
            for (x, top, width) in towers {
                lay(Shape::rectangle(at(x, f32::midpoint(top, 100.0)), width, 100.0 - top, 0.2), 0x0E_12_26);
                let panes =
                    steps(5).map(|t| Shape::rectangle(at(x - 1.6, top + 4.0 + t * 28.0), 1.6, 2.2, 0.1).with_mirror(x));
                lay(Shape::union(panes), 0xF2_C1_4E);
            }
        }
        Art::Phases => {
            lay(ground, 0x14_16_1F);
            for (row, t) in steps(5).enumerate() {
                let center = at(50.0, 14.0 + t * 62.0 - 5.0);
                lay(Shape::circle(center, 5.4), 0xEC_E8_DC);
                let shift = [-3.6, -7.2, 20.0, 7.2, 3.6][row];
                lay(Shape::circle(at(center.x + shift, center.y), 5.6), 0x14_16_1F);
            }
        }
        Art::Circles => {
            lay(ground, 0xF7_F2_E7);
            lay(Shape::circle(at(42.0, 38.0), 15.0), 0xD8_3A_2E);
            lay(Shape::circle(at(61.0, 54.0), 12.0), 0x1F_4E_9C);
            lay(Shape::circle(at(44.0, 68.0), 9.0), 0xF0_B8_22);
            lay(Shape::stroke(&[at(28.0, 80.0), at(72.0, 20.0)], 1.6), 0x1A_1A_1A);
        }
        Art::Sailboat => {
            lay(ground, 0xF8_DC_C4);
            lay(Shape::circle(at(60.0, 30.0), 7.0), 0xF5_A1_5B);
            lay(swell(66.0, 0.5), 0x3C_7A_9B);
            lay(Shape::polygon([(48.0, 26.0), (48.0, 60.0), (30.0, 60.0)].map(|(x, y)| at(x, y))), 0xFF_FF_FF);
            lay(Shape::polygon([(50.0, 32.0), (50.0, 60.0), (66.0, 60.0)].map(|(x, y)| at(x, y))), 0xD2_4B_3E);
            lay(
                Shape::polygon([(30.0, 62.0), (70.0, 62.0), (62.0, 71.0), (37.0, 71.0)].map(|(x, y)| at(x, y))),
                0x5A_36_22,
            );
            lay(swell(76.0, 2.5), 0x24_57_78);
        }
    }
    let glass = Shape::polygon([(20.0, 8.0), (46.0, 8.0), (20.0, 50.0)].map(|(x, y)| at(x, y)));
    canvas.tint_inside(&sheet, &fit(glass), rgb(0xFF_FF_FF), 0.5, 0.08);
}

/// A rug from above.
pub fn draw_rug(canvas: &mut Canvas, weave: Weave, [color, accent]: [Color; 2], size: Size) {
    let middle = at(50.0, 50.0);
    let fit = |shape: Shape| shape.scaled(middle, size.scale(), size.scale());
    let rug = if weave == Weave::Round {
        fit(Shape::circle(middle, 42.0))
    } else {
        let fringe = steps(44).map(|t| Shape::stroke(&[at(18.5 + t * 62.0, 5.0), at(18.5 + t * 62.0, 95.0)], 0.5));
        canvas.paint(&fit(Shape::union(fringe)), Finish::flat(rgb(0xDD_D3_BF)));
        fit(Shape::rectangle(middle, 64.0, 84.0, 0.6))
    };
    canvas.shadow(&rug, 0.5, 1.0, 1.6);
    canvas.paint(&rug, Finish::cloth(color).rounded(1.4));
    canvas.paint_inside(&rug, &fit(pattern(weave)), Finish::flat(accent));
}

/// A cushion, plump.
pub fn draw_cushion(canvas: &mut Canvas, weave: Weave, [color, accent]: [Color; 2]) {
    let corners = [
        (11.0, 12.0),
        (30.0, 17.0),
        (50.0, 18.0),
        (70.0, 17.0),
        (89.0, 12.0),
        (84.0, 31.0),
        (83.0, 51.0),
        (84.0, 71.0),
        (89.0, 90.0),
        (70.0, 85.0),
        (50.0, 84.0),
        (30.0, 85.0),
        (11.0, 90.0),
        (16.0, 71.0),
        (17.0, 51.0),
        (16.0, 31.0),
    ];
    let cushion = Shape::blob(&corners.map(|(x, y)| at(x, y)));
    canvas.shadow(&cushion, 0.5, 3.0, 4.0);
    canvas.paint(&cushion, Finish::cloth(color).rounded(10.0));
    canvas.tint_inside(&cushion, &pattern(weave), accent, 0.3, 0.9);
    let rim = Shape::stroke(&arc(at(52.0, 54.0), 36.0, 36.0, 0.0, 0.42), 9.0);
    canvas.tint_inside(&cushion, &rim, rgb(0), 7.0, 0.3);
    canvas.tint_inside(&cushion, &Shape::ellipse(at(40.0, 38.0), 14.0, 12.0), rgb(0xFF_FF_FF), 9.0, 0.25);
}

/// The accent color's part of a weave, over the whole picture.
fn pattern(weave: Weave) -> Shape {
    let middle = at(50.0, 50.0);
    let frame = |width: f32, height: f32, thick: f32| {
        Shape::rectangle(middle, width, height, 0.4).without(Shape::rectangle(
            middle,
            width - thick,
            height - thick,
            0.3,
        ))
    };
    match weave {
        Weave::Border => frame(57.0, 77.0, 4.5).and(frame(47.0, 67.0, 1.5)).and(Shape::ellipse(middle, 12.0, 17.0)),
        Weave::Stripes => Shape::union(steps(9).map(|t| Shape::rectangle(at(50.0, t * 100.0 - 5.0), 100.0, 4.6, 0.2))),
        Weave::Diamonds => {
            let lines = steps(9).flat_map(|t| {
                let x = t * 180.0 - 90.0;
                [
                    Shape::stroke(&[at(x, 0.0), at(x + 100.0, 100.0)], 1.3),
                    Shape::stroke(&[at(x + 100.0, 0.0), at(x, 100.0)], 1.3),
                ]
            });
            Shape::union(lines)
        }
        Weave::Zigzag => Shape::union(steps(8).map(|t| {
            let row = (0_u8..15).map(|i| at(f32::from(i) * 7.5 - 2.5, t * 100.0 - if i % 2 == 0 { 9.0 } else { 3.5 }));
            Shape::stroke(&row.collect::<Vec<Point>>(), 2.4)
        })),
        Weave::Round => {
            let ring =
                |radius: f32, thick: f32| Shape::circle(middle, radius).without(Shape::circle(middle, radius - thick));
            ring(37.0, 3.5).and(ring(27.0, 3.5)).and(ring(17.0, 3.5)).and(Shape::circle(middle, 7.0))
        }
        Weave::Dots => Shape::union(
            steps(8).flat_map(|t| steps(8).map(move |s| Shape::circle(at(s * 100.0 - 6.0, t * 100.0 - 6.0), 2.8))),
        ),
    }
}
