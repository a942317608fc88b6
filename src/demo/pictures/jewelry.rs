//! Necklaces, earrings, rings and bracelets: one motif and its stone make a matching set. Refuses every other product.

use crate::demo::canvas::{Canvas, Color, Finish, rgb};
use crate::demo::shape::{Point, Shape, arc, at, curve, steps, walk};

/// What the piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    Necklace,
    PetiteNecklace,
    Earrings,
    Studs,
    Ring,
    Bracelet,
}

/// The design that a set shares; each has a stone of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motif {
    Leaf,
    Heart,
    Drop,
    Moon,
    Knot,
    Star,
    Flower,
    Butterfly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metal {
    Gold,
    Silver,
}

/// Draws one piece.
pub fn draw(canvas: &mut Canvas, piece: Piece, motif: Motif, metal: Metal) {
    let metal = color(metal);
    match piece {
        Piece::Necklace => necklace(canvas, motif, metal, 14.0),
        Piece::PetiteNecklace => necklace(canvas, motif, metal, 10.0),
        Piece::Earrings => earrings(canvas, motif, metal),
        Piece::Studs => {
            for x in [28.0, 72.0] {
                pendant(canvas, motif, at(x, 50.0), 18.0, metal);
            }
        }
        Piece::Ring => ring(canvas, motif, metal),
        Piece::Bracelet => bracelet(canvas, motif, metal),
    }
}

fn color(metal: Metal) -> Color {
    match metal {
        Metal::Gold => rgb(0xD9_A5_2B),
        Metal::Silver => rgb(0xB4_B9_C0),
    }
}

fn stone(motif: Motif) -> Color {
    rgb(match motif {
        Motif::Leaf => 0x0F_8A_55,
        Motif::Heart => 0xC2_12_3A,
        Motif::Drop => 0x1C_5F_C4,
        Motif::Moon => 0xA8_D2_EE,
        Motif::Knot => 0x1E_1E_26,
        Motif::Star => 0xF2_8A_1C,
        Motif::Flower => 0xF0_8F_B4,
        Motif::Butterfly => 0x7D_3F_B8,
    })
}

fn necklace(canvas: &mut Canvas, motif: Motif, metal: Color, size: f32) {
    let bottom = if size > 12.0 { 56.0 } else { 60.0 };
    let chain = curve(&[
        at(18.0, -3.0),
        at(23.0, 16.0),
        at(34.0, 38.0),
        at(50.0, bottom - 6.0),
        at(66.0, 38.0),
        at(77.0, 16.0),
        at(82.0, -3.0),
    ]);
    links(canvas, &chain, metal);
    let bail =
        Shape::ellipse(at(50.0, bottom - 3.5), 1.9, 2.9).without(Shape::ellipse(at(50.0, bottom - 3.5), 0.9, 1.7));
    canvas.paint(&bail, Finish::metal(metal));
    pendant(canvas, motif, at(50.0, bottom + size), size, metal);
}

fn earrings(canvas: &mut Canvas, motif: Motif, metal: Color) {
    for x in [29.0, 71.0] {
        let mut wire = arc(at(x - 4.0, 22.0), 4.0, 8.0, 0.5, 1.0);
        wire.push(at(x, 33.0));
        wire.insert(0, at(x - 8.0, 34.0));
        let wire = Shape::stroke(&wire, 1.5);
        canvas.shadow(&wire, 1.0, 1.5, 1.5);
        canvas.paint(&wire, Finish::metal(metal).rounded(0.8));
        let bead = Shape::circle(at(x, 35.5), 2.2);
        canvas.paint(&bead, Finish::metal(metal));
        pendant(canvas, motif, at(x, 52.0), 15.0, metal);
    }
}

fn ring(canvas: &mut Canvas, motif: Motif, metal: Color) {
    let center = at(50.0, 62.0);
    canvas.shadow(&Shape::ellipse(at(50.0, 93.0), 22.0, 3.0), 0.0, 0.0, 4.0);
    let inner = Shape::ellipse(center, 25.0, 26.5);
    let band = Shape::ellipse(center, 30.0, 31.0).without(inner);
    canvas.paint(&band, Finish::metal(metal).rounded(2.6));
    // A line along the middle of the band, so that it does not read as a tube.
    let line = Shape::stroke(&arc(center, 27.5, 28.7, 0.05, 0.45), 0.5);
    canvas.paint(&line, Finish::flat(metal.darker(0.3)));
    pendant(canvas, motif, at(50.0, 27.0), 15.0, metal);
}

fn bracelet(canvas: &mut Canvas, motif: Motif, metal: Color) {
    let chain = arc(at(50.0, 43.0), 39.0, 25.0, 0.25, 1.25);
    links(canvas, &chain, metal);
    let clasp = Shape::rectangle(at(50.0, 18.0), 8.0, 3.6, 1.6);
    canvas.paint(&clasp, Finish::metal(metal));
    pendant(canvas, motif, at(50.0, 80.0), 11.5, metal);
}

/// A cable chain: links seen from the front and from the side in turn.
fn links(canvas: &mut Canvas, chain: &[Point], metal: Color) {
    let thread = Shape::stroke(chain, 1.2);
    canvas.shadow(&thread, 0.8, 1.8, 1.6);
    let places = walk(chain, 1.75);
    let link = |(i, &(center, turn)): (usize, &(Point, f32))| {
        if i % 2 == 0 {
            let open = Shape::ellipse(center, 1.6, 1.1).without(Shape::ellipse(center, 0.8, 0.4));
            open.turned(center, turn)
        } else {
            Shape::ellipse(center, 1.3, 0.5).turned(center, turn)
        }
    };
    let chain = Shape::union(places.iter().enumerate().map(link));
    canvas.paint(&chain, Finish::metal(metal).rounded(0.7));
}

/// The motif about `center`, `size` units from the middle to the edge, with its stone.
fn pendant(canvas: &mut Canvas, motif: Motif, center: Point, size: f32, metal: Color) {
    let scale = size / 10.0;
    let place = |shape: Shape| shape.scaled(at(0.0, 0.0), scale, scale).moved(center.x, center.y);
    let relief = (1.6 * scale).max(0.8);

    let body = place(body(motif));
    canvas.shadow(&body, 0.8, 2.0, 2.0);
    canvas.paint(&body, Finish::metal(metal).rounded(relief));
    for line in engraving(motif) {
        canvas.paint_inside(&body, &place(line), Finish::flat(metal.darker(0.42)));
    }
    let (x, y, radius) = setting(motif);
    let bezel = place(Shape::circle(at(x, y), radius + 0.8));
    canvas.paint(&bezel, Finish::metal(metal.lighter(0.1)).rounded(relief * 0.5));
    let gem = place(Shape::circle(at(x, y), radius));
    canvas.paint(&gem, Finish::glaze(stone(motif)).rounded(radius * scale * 0.7));
    let table = place(Shape::polygon(steps(6).map(|t| {
        let corner = arc(at(x, y), radius * 0.55, radius * 0.55, t, t);
        corner[0]
    })));
    canvas.tint(&table, stone(motif).lighter(0.45), 0.3, 0.6);
}

/// The outline within 10 units of the origin.
fn body(motif: Motif) -> Shape {
    let middle = at(0.0, 0.0);
    match motif {
        Motif::Leaf => {
            let side = [at(0.0, -10.0), at(4.0, -5.5), at(5.6, 0.0), at(4.2, 5.5), at(0.0, 11.0)];
            let right = curve(&side);
            let left: Vec<Point> = right.iter().rev().map(|p| at(-p.x, p.y)).collect();
            Shape::polygon(right.into_iter().chain(left)).turned(middle, 0.06)
        }
        Motif::Heart => {
            let half = curve(&[
                at(0.0, -5.0),
                at(2.2, -8.2),
                at(6.2, -9.0),
                at(9.4, -6.0),
                at(9.3, -1.5),
                at(6.0, 4.0),
                at(0.0, 10.0),
            ]);
            let left: Vec<Point> = half.iter().rev().map(|p| at(-p.x, p.y)).collect();
            Shape::polygon(half.into_iter().chain(left))
        }
        Motif::Drop => {
            let round = arc(at(0.0, 3.0), 6.6, 6.8, -0.06, 0.56);
            Shape::polygon(std::iter::once(at(0.0, -11.0)).chain(round))
        }
        Motif::Moon => {
            // The outer limb, then the inner one back between the same two tips.
            let outer = arc(middle, 9.5, 9.5, 0.1, 0.8);
            let (from, to) = (outer[outer.len() - 1], outer[0]);
            let inner = curve(&[from, at(-1.2, -4.0), at(-0.5, 2.0), at(3.2, 5.0), to]);
            Shape::polygon(outer.into_iter().chain(inner))
        }
        Motif::Knot => {
            let trefoil: Vec<Point> = std::iter::once(0.0)
                .chain(steps(96))
                .map(|t| {
                    let angle = t * std::f32::consts::TAU;
                    let x = libm::sinf(angle) + 2.0 * libm::sinf(2.0 * angle);
                    let y = libm::cosf(angle) - 2.0 * libm::cosf(2.0 * angle);
                    at(x * 3.0, y * 3.0)
                })
                .collect();
            Shape::stroke(&trefoil, 2.0)
        }
        Motif::Star => Shape::polygon(steps(10).enumerate().map(|(i, t)| {
            let reach = if i % 2 == 0 { 4.6 } else { 10.5 };
            arc(middle, reach, reach, t - 0.25, t - 0.25)[0]
        })),
        Motif::Flower => Shape::union(steps(6).map(|t| Shape::ellipse(at(0.0, -6.0), 3.5, 4.4).turned(middle, t))),
        Motif::Butterfly => {
            let upper = Shape::blob(&[at(0.6, 0.0), at(3.0, -6.0), at(9.5, -9.0), at(10.0, -3.0), at(5.5, 0.8)]);
            let lower = Shape::blob(&[at(0.6, 0.0), at(5.5, 0.6), at(8.0, 4.0), at(6.0, 8.6), at(2.5, 6.5)]);
            let trunk = Shape::ellipse(at(0.0, 0.0), 1.1, 6.5);
            upper.and(lower).with_mirror(0.0).and(trunk)
        }
    }
}

/// Dark lines cut into the metal.
fn engraving(motif: Motif) -> Vec<Shape> {
    let middle = at(0.0, 0.0);
    match motif {
        Motif::Leaf => {
            let vein = Shape::stroke(&[at(0.0, -8.5), at(0.0, 9.0)], 0.5);
            let ribs = [-5.0, -1.0, 5.0].map(|y| Shape::stroke(&[at(0.0, y), at(3.2, y - 2.6)], 0.35).with_mirror(0.0));
            std::iter::once(vein).chain(ribs).map(|line| line.turned(middle, 0.06)).collect()
        }
        Motif::Heart => vec![Shape::stroke(&curve(&[at(-6.8, -3.5), at(-5.5, 1.0), at(-1.5, 6.0)]), 0.45)],
        Motif::Drop => vec![Shape::stroke(&[at(0.0, -8.0), at(0.0, -2.2)], 0.4)],
        Motif::Moon => vec![Shape::stroke(&arc(middle, 7.9, 7.9, 0.2, 0.68), 0.4)],
        Motif::Knot => Vec::new(),
        Motif::Star => {
            steps(5).map(|t| Shape::stroke(&[at(0.0, -3.0), at(0.0, -8.5)], 0.35).turned(middle, t)).collect()
        }
        Motif::Flower => {
            steps(6).map(|t| Shape::stroke(&[at(0.0, -3.4), at(0.0, -8.6)], 0.4).turned(middle, t)).collect()
        }
        Motif::Butterfly => {
            let wing = Shape::stroke(&curve(&[at(1.5, -1.0), at(4.5, -4.0), at(8.2, -6.8)]), 0.4);
            let under = Shape::stroke(&curve(&[at(1.6, 1.0), at(4.0, 3.5), at(5.5, 6.8)]), 0.4);
            vec![wing.and(under).with_mirror(0.0)]
        }
    }
}

/// Where the stone sits: center and radius.
fn setting(motif: Motif) -> (f32, f32, f32) {
    match motif {
        Motif::Leaf => (0.0, 1.8, 2.2),
        Motif::Heart => (0.0, -1.2, 3.2),
        Motif::Drop => (0.0, 3.2, 3.8),
        Motif::Moon => (3.4, -1.2, 2.3),
        Motif::Knot => (0.0, 0.0, 2.4),
        Motif::Star => (0.0, 0.0, 2.6),
        Motif::Flower => (0.0, 0.0, 2.7),
        Motif::Butterfly => (0.0, -1.5, 1.7),
    }
}
