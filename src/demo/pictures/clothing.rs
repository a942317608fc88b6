//! Garments laid flat. A design is a garment, a fit and a pattern; its variants differ in color. Refuses people.

use super::seam;
use crate::demo::canvas::{Canvas, Color, Finish, rgb};
use crate::demo::shape::{Half, Point, Shape, at, curve, steps};

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garment {
    Tee,
    Shirt,
    Sweater,
    Hoodie,
    Skirt,
    Pants,
    Shorts,
}

/// The cut: for a top how wide, for a skirt or pants how wide and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Slim,
    Regular,
    Wide,
}

/// What is on the cloth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    Plain,
    Stripes,
    Checks,
    Dots,
    Pocket,
    Band,
    Pleats,
    Cables,
}

/// Draws a garment in its color and accent.
pub fn draw(canvas: &mut Canvas, garment: Garment, fit: Fit, pattern: Pattern, [color, accent]: [Color; 2]) {
    let outline = outline(garment, fit);
    canvas.shadow(&outline, 0.8, 2.0, 3.0);
    match garment {
        Garment::Tee | Garment::Sweater => {
            let back = Half::from(50.0, 13.0).line(58.0, 12.5).bend((57.0, 22.0), 50.0, 23.0).close();
            canvas.paint(&back, Finish::flat(color.darker(0.35)));
        }
        Garment::Hoodie => {
            let hood = Shape::blob(&[
                at(34.0, 19.0),
                at(37.0, 8.0),
                at(50.0, 4.5),
                at(63.0, 8.0),
                at(66.0, 19.0),
                at(50.0, 27.0),
            ]);
            canvas.paint(&hood, Finish::cloth(color));
            canvas.tint(&Shape::ellipse(at(50.0, 17.0), 9.5, 8.0), color.darker(0.6), 1.2, 0.9);
        }
        _ => {}
    }
    canvas.paint(&outline, Finish::cloth(color).rounded(4.0));
    print(canvas, &outline, garment, fit, pattern, accent);
    folds(canvas, &outline, garment);
    details(canvas, &outline, garment, fit, color);
}

fn outline(garment: Garment, fit: Fit) -> Shape {
    let body = match fit {
        Fit::Slim => 19.5,
        Fit::Regular => 23.0,
        Fit::Wide => 27.0,
    };
    match garment {
        Garment::Tee => Half::from(50.0, 22.0)
            .bend((57.0, 21.5), 58.5, 12.5)
            .bend((66.0, 14.0), 73.0, 18.0)
            .bend((79.0, 22.0), 91.0, 39.0)
            .line(80.0, 46.5)
            .line(49.5 + body + 1.5, 37.0)
            .bend((49.0 + body, 60.0), 50.0 + body, 91.0)
            .bend((60.0, 93.0), 50.0, 93.0)
            .close(),
        Garment::Shirt => Half::from(50.0, 12.0)
            .line(57.0, 10.0)
            .bend((66.0, 12.0), 72.0, 15.5)
            .bend((79.0, 19.0), 82.0, 31.0)
            .line(91.0, 76.0)
            .line(82.0, 79.0)
            .line(50.0 + body, 39.0)
            .line(50.0 + body, 86.0)
            .bend((50.0 + body * 0.7, 88.0), 50.0 + body * 0.5, 92.5)
            .line(50.0, 94.0)
            .close(),
        Garment::Sweater | Garment::Hoodie => Half::from(50.0, if garment == Garment::Hoodie { 27.0 } else { 21.0 })
            .bend((57.5, 20.0), 59.0, 12.5)
            .bend((70.0, 14.5), 75.0, 19.0)
            .bend((80.0, 24.0), 83.0, 36.0)
            .line(93.0, 78.0)
            .line(82.5, 81.5)
            .line(52.0 + body, 44.0)
            .line(51.5 + body, 84.0)
            .bend((51.0 + body, 90.0), 48.0 + body, 92.0)
            .line(50.0, 92.0)
            .close(),
        Garment::Skirt => {
            let (hem, bottom) = match fit {
                Fit::Slim => (17.0, 82.0),
                Fit::Regular => (31.0, 70.0),
                Fit::Wide => (39.0, 93.0),
            };
            Half::from(50.0, 10.0)
                .line(64.5, 10.0)
                .bend((69.0 + hem * 0.12, 28.0), 50.0 + hem, bottom - 2.0)
                .bend((50.0 + hem * 0.5, bottom + 2.5), 50.0, bottom + 2.5)
                .close()
        }
        Garment::Pants => {
            let (knee, hem) = match fit {
                Fit::Slim => (15.0, 11.5),
                Fit::Regular => (18.5, 18.0),
                Fit::Wide => (24.0, 29.0),
            };
            Half::from(50.0, 6.0)
                .line(65.0, 6.0)
                .bend((70.0, 22.0), 52.0 + knee, 46.0)
                .line(54.0 + hem, 95.0)
                .line(54.5, 95.0)
                .bend((53.0, 60.0), 50.0, 33.0)
                .close()
        }
        Garment::Shorts => {
            let hem = if fit == Fit::Slim { 27.0 } else { 34.0 };
            Half::from(50.0, 14.0)
                .line(69.0, 14.0)
                .bend((74.0, 30.0), 50.0 + hem, 74.0)
                .line(53.0, 78.0)
                .bend((52.0, 60.0), 50.0, 46.0)
                .close()
        }
    }
}

/// The pattern of the cloth, clipped to the garment.
fn print(canvas: &mut Canvas, outline: &Shape, garment: Garment, fit: Fit, pattern: Pattern, accent: Color) {
    let rows = |count: u8| steps(count).map(|t| t * 100.0);
    let across = |y: f32, width: f32| Shape::stroke(&[at(0.0, y), at(100.0, y)], width);
    let down = |x: f32, width: f32| Shape::stroke(&[at(x, 0.0), at(x, 100.0)], width);
    let mut lay = |shape: Shape, strength: f32| canvas.tint_inside(outline, &shape, accent, 0.3, strength);
    match pattern {
        Pattern::Plain => {}
        Pattern::Stripes if matches!(garment, Garment::Shirt | Garment::Pants) => {
            lay(Shape::union(rows(24).map(|x| down(x + 2.0, 1.1))), 0.9);
        }
        Pattern::Stripes => lay(Shape::union(rows(12).map(|y| across(y, 3.6))), 0.95),
        Pattern::Checks => {
            lay(Shape::union(rows(9).map(|y| across(y - 5.0, 4.2))), 0.55);
            lay(Shape::union(rows(9).map(|x| down(x - 5.5, 4.2))), 0.55);
        }
        Pattern::Dots => {
            let dots = rows(11).enumerate().flat_map(|(row, y)| {
                let shift = if row % 2 == 0 { 0.0 } else { 4.5 };
                rows(11).map(move |x| Shape::circle(at(x - shift, y), 1.7))
            });
            lay(Shape::union(dots), 0.95);
        }
        Pattern::Band if matches!(garment, Garment::Pants | Garment::Shorts) => {
            let edge = if fit == Fit::Slim { 15.5 } else { 19.0 };
            lay(
                Shape::stroke(&[at(65.0, 4.0), at(51.0 + edge, 46.0), at(53.0 + edge, 97.0)], 2.4).with_mirror(50.0),
                0.95,
            );
        }
        Pattern::Band if garment == Garment::Skirt => {
            lay(
                Shape::union(
                    [62.0, 84.0]
                        .map(|y| Shape::stroke(&curve(&[at(0.0, y - 3.0), at(50.0, y), at(100.0, y - 3.0)]), 4.0)),
                ),
                0.95,
            );
        }
        Pattern::Band => lay(across(48.0, 15.0), 0.95),
        Pattern::Pocket if matches!(garment, Garment::Pants | Garment::Shorts) => {
            let y = if garment == Garment::Pants { 55.0 } else { 56.0 };
            let pocket = Shape::rectangle(at(70.0, y), 9.0, 13.0, 1.0).with_mirror(50.0);
            canvas.paint_inside(outline, &pocket, Finish::cloth(accent).rounded(1.2));
        }
        Pattern::Pocket => {
            let pocket = Shape::rectangle(at(60.5, 42.5), 12.0, 13.0, 1.0);
            canvas.paint_inside(outline, &pocket, Finish::cloth(accent).rounded(1.2));
        }
        Pattern::Pleats => {
            let fan = steps(9).map(|t| {
                let lean = t - 0.55;
                Shape::stroke(&[at(50.0 + lean * 30.0, 14.0), at(50.0 + lean * 88.0, 100.0)], 1.0)
            });
            lay(Shape::union(fan), 0.8);
        }
        Pattern::Cables => {
            for x in [38.0, 50.0, 62.0] {
                let rope = |side: f32| -> Vec<Point> {
                    steps(80).map(|t| at(x + side * 2.6 * libm::sinf(t * 40.0), 22.0 + t * 64.0)).collect()
                };
                lay(Shape::stroke(&rope(1.0), 1.3), 0.8);
                lay(Shape::stroke(&rope(-1.0), 1.3), 0.8);
            }
        }
    }
}

/// Soft shades where cloth bends.
fn folds(canvas: &mut Canvas, outline: &Shape, garment: Garment) {
    let lines: &[[(f32, f32); 3]] = match garment {
        Garment::Tee => &[[(72.0, 40.0), (66.0, 52.0), (64.0, 66.0)], [(36.0, 62.0), (40.0, 74.0), (38.0, 88.0)]],
        Garment::Shirt | Garment::Sweater | Garment::Hoodie => &[
            [(74.0, 40.0), (79.0, 55.0), (84.0, 70.0)],
            [(26.0, 40.0), (21.0, 55.0), (16.0, 70.0)],
            [(63.0, 56.0), (66.0, 70.0), (64.0, 84.0)],
        ],
        Garment::Skirt => &[[(42.0, 20.0), (37.0, 45.0), (33.0, 80.0)], [(58.0, 24.0), (62.0, 48.0), (65.0, 82.0)]],
        Garment::Pants => &[[(59.0, 34.0), (62.0, 60.0), (64.0, 92.0)], [(41.0, 34.0), (38.0, 60.0), (36.0, 92.0)]],
        Garment::Shorts => &[[(62.0, 40.0), (65.0, 55.0), (67.0, 72.0)], [(38.0, 40.0), (35.0, 55.0), (33.0, 72.0)]],
    };
    for line in lines {
        let line = Shape::stroke(&curve(&line.map(|(x, y)| at(x, y))), 1.6);
        canvas.tint_inside(outline, &line, rgb(0), 2.6, 0.32);
        canvas.tint_inside(outline, &line.moved(3.0, 0.5), rgb(0xFF_FF_FF), 2.6, 0.16);
    }
}

/// Seams, collars, buttons, waistbands.
fn details(canvas: &mut Canvas, outline: &Shape, garment: Garment, fit: Fit, color: Color) {
    let line = Finish::flat(seam(color));
    if matches!(garment, Garment::Sweater | Garment::Hoodie) {
        ribs(canvas, outline, line);
    }
    let mut stitch = |points: &[(f32, f32)]| {
        let points: Vec<Point> = points.iter().map(|&(x, y)| at(x, y)).collect();
        canvas.paint_inside(outline, &Shape::stroke(&curve(&points), 0.6).with_mirror(50.0), line);
    };
    let side = match fit {
        Fit::Slim => 69.5,
        Fit::Regular => 73.0,
        Fit::Wide => 77.0,
    };
    match garment {
        Garment::Tee => {
            stitch(&[(50.0, 24.6), (57.0, 22.4), (60.8, 13.0)]);
            stitch(&[(73.0, 18.0), (71.0, 28.0), (side, 37.5)]);
            stitch(&[(78.0, 44.5), (89.0, 36.8)]);
            stitch(&[(50.0, 90.6), (80.0, 88.6)]);
        }
        Garment::Shirt => {
            stitch(&[(72.0, 15.5), (71.5, 28.0), (side, 40.0)]);
            stitch(&[(79.5, 73.0), (90.5, 70.0)]);
            stitch(&[(52.6, 16.0), (52.6, 94.0)]);
            let flap = Shape::polygon([(50.0, 13.0), (57.5, 8.0), (63.0, 13.0), (58.0, 22.0)].map(|(x, y)| at(x, y)));
            canvas.paint(&flap.with_mirror(50.0), Finish::cloth(color.lighter(0.06)).rounded(1.4));
            let buttons = steps(7).map(|t| Shape::circle(at(50.0, 17.0 + t * 70.0), 0.95));
            canvas.paint(&Shape::union(buttons), Finish::glaze(rgb(0xFA_F6_EC)).rounded(0.5));
        }
        Garment::Sweater | Garment::Hoodie => {
            stitch(&[(75.0, 19.0), (72.5, 30.0), (side + 2.0, 44.0)]);
            stitch(&[(80.0, 76.5), (93.0, 72.0)]);
            if garment == Garment::Hoodie {
                stitch(&[(50.0, 62.0), (60.0, 62.0), (67.0, 74.0), (67.0, 82.0)]);
                let cords =
                    Shape::stroke(&curve(&[at(54.5, 23.0), at(56.0, 34.0), at(55.0, 44.0)]), 1.0).with_mirror(50.0);
                canvas.paint(&cords, Finish::cloth(rgb(0xF2_EF_E8)).rounded(0.6));
            } else {
                stitch(&[(50.0, 24.2), (58.0, 22.0), (62.0, 13.0)]);
            }
        }
        Garment::Skirt => {
            stitch(&[(50.0, 15.0), (66.0, 15.0)]);
            let button = Shape::circle(at(50.0, 12.5), 1.1);
            canvas.paint(&button, Finish::glaze(seam(color)).rounded(0.6));
        }
        Garment::Pants | Garment::Shorts => {
            let (top, crotch) = if garment == Garment::Pants { (6.0, 33.0) } else { (14.0, 46.0) };
            stitch(&[(50.0, top + 5.0), (72.0, top + 5.0)]);
            stitch(&[(50.0, top + 5.0), (50.0, crotch)]);
            stitch(&[(59.0, top + 5.5), (62.0, top + 11.0), (70.0, top + 13.5)]);
            let button = Shape::circle(at(50.0, top + 2.5), 1.1);
            canvas.paint(&button, Finish::glaze(seam(color)).rounded(0.6));
        }
    }
}

/// The knitted hem of sweaters and hoodies.
fn ribs(canvas: &mut Canvas, outline: &Shape, line: Finish) {
    let ribs = steps(80).map(|t| Shape::stroke(&[at(9.5 + t * 80.0, 86.5), at(9.5 + t * 80.0, 93.0)], 0.6));
    canvas.paint_inside(outline, &Shape::union(ribs), line);
}
