//! Outlines of what the demo draws: closed rings of points in a picture that measures 100 by 100 units, y downward.
//!
//! Where rings overlap they unite; a ring that runs the other way is a hole. Sines come from `libm`, so that an outline
//! is the same bits on every machine. This room refuses to know colors and pixels.

use std::f32::consts::TAU;

/// A place in the picture, in units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

/// Shorthand for a [`Point`].
pub fn at(x: f32, y: f32) -> Point {
    Point { x, y }
}

/// A filled outline: every point with a non-zero winding number is inside.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    rings: Vec<Vec<Point>>,
}

impl Shape {
    /// A closed polygon.
    pub fn polygon(points: impl IntoIterator<Item = Point>) -> Shape {
        Shape { rings: vec![clockwise(points.into_iter().collect())] }
    }

    /// An axis-parallel ellipse; a circle where the radii are equal.
    pub fn ellipse(center: Point, across: f32, down: f32) -> Shape {
        Shape::polygon(arc(center, across, down, 0.0, 1.0))
    }

    /// A circle.
    pub fn circle(center: Point, radius: f32) -> Shape {
        Shape::ellipse(center, radius, radius)
    }

    /// A rectangle round `center` with rounded corners.
    pub fn rectangle(center: Point, width: f32, height: f32, corner: f32) -> Shape {
        let (across, down) = (width / 2.0 - corner, height / 2.0 - corner);
        let corners = [(1.0, 1.0, 0.0), (-1.0, 1.0, 0.25), (-1.0, -1.0, 0.5), (1.0, -1.0, 0.75)];
        let points = corners.into_iter().flat_map(|(right, below, turn)| {
            arc(at(center.x + right * across, center.y + below * down), corner, corner, turn, turn + 0.25)
        });
        Shape::polygon(points)
    }

    /// A smooth closed curve through `points`.
    pub fn blob(points: &[Point]) -> Shape {
        let n = points.len();
        let spans = (0..n).map(|i| [points[(i + n - 1) % n], points[i], points[(i + 1) % n], points[(i + 2) % n]]);
        Shape::polygon(spans.flat_map(span))
    }

    /// A line of round pens `width` thick along `points`.
    pub fn stroke(points: &[Point], width: f32) -> Shape {
        let half = width / 2.0;
        let dots = points.iter().map(|&p| Shape::polygon(disc(p, half)));
        let bars = points.windows(2).filter_map(|ends| {
            let (from, to) = (ends[0], ends[1]);
            let (run, rise) = (to.x - from.x, to.y - from.y);
            let length = (run * run + rise * rise).sqrt();
            let (aside, up) = (-rise / length * half, run / length * half);
            let corners = [
                at(from.x + aside, from.y + up),
                at(to.x + aside, to.y + up),
                at(to.x - aside, to.y - up),
                at(from.x - aside, from.y - up),
            ];
            (length > 0.0).then(|| Shape::polygon(corners))
        });
        Shape::union(dots.chain(bars))
    }

    /// Everything that is in one of the shapes.
    pub fn union(shapes: impl IntoIterator<Item = Shape>) -> Shape {
        Shape { rings: shapes.into_iter().flat_map(|shape| shape.rings).collect() }
    }

    /// This shape and another.
    #[must_use]
    pub fn and(mut self, other: Shape) -> Shape {
        self.rings.extend(other.rings);
        self
    }

    /// This shape with a hole; `hole` must lie inside it, where its rings do not overlap.
    #[must_use]
    pub fn without(mut self, hole: Shape) -> Shape {
        self.rings.extend(hole.rings.into_iter().map(|mut ring| {
            ring.reverse();
            ring
        }));
        self
    }

    /// Together with its mirror image at the vertical line `x`.
    #[must_use]
    pub fn with_mirror(self, x: f32) -> Shape {
        let mirrored = self.clone().mapped(|p| at(2.0 * x - p.x, p.y));
        // Mirroring turns the rings round, and a union needs them to run the same way.
        let rings = mirrored.rings.into_iter().map(|mut ring| {
            ring.reverse();
            ring
        });
        Shape { rings: self.rings.into_iter().chain(rings).collect() }
    }

    /// Shifted.
    #[must_use]
    pub fn moved(self, right: f32, down: f32) -> Shape {
        self.mapped(|p| at(p.x + right, p.y + down))
    }

    /// Made larger or smaller about `center`.
    #[must_use]
    pub fn scaled(self, center: Point, across: f32, down: f32) -> Shape {
        self.mapped(|p| at(center.x + (p.x - center.x) * across, center.y + (p.y - center.y) * down))
    }

    /// Turned clockwise about `center` by `turns` full turns.
    #[must_use]
    pub fn turned(self, center: Point, turns: f32) -> Shape {
        let (sine, cosine) = (libm::sinf(turns * TAU), libm::cosf(turns * TAU));
        self.mapped(|p| {
            let (right, down) = (p.x - center.x, p.y - center.y);
            at(center.x + right * cosine - down * sine, center.y + right * sine + down * cosine)
        })
    }

    /// The closed rings, for the canvas.
    pub fn rings(&self) -> &[Vec<Point>] {
        &self.rings
    }

    fn mapped(mut self, place: impl Fn(Point) -> Point) -> Shape {
        for point in self.rings.iter_mut().flatten() {
            *point = place(*point);
        }
        self
    }
}

/// Half an outline, from the top of the axis to its bottom, drawn on the right side and mirrored at `x = 50`.
#[derive(Clone, Debug)]
pub struct Half {
    points: Vec<Point>,
}

impl Half {
    /// Starts at a point.
    pub fn from(x: f32, y: f32) -> Half {
        Half { points: vec![at(x, y)] }
    }

    /// A straight edge.
    #[must_use]
    pub fn line(mut self, x: f32, y: f32) -> Half {
        self.points.push(at(x, y));
        self
    }

    /// An edge that bends toward a control point (a quadratic Bézier curve).
    #[must_use]
    pub fn bend(mut self, toward: (f32, f32), x: f32, y: f32) -> Half {
        let start = self.points[self.points.len() - 1];
        self.points.extend(steps(16).map(|t| {
            let mix = |a: f32, b: f32, c: f32| (1.0 - t) * (1.0 - t) * a + 2.0 * t * (1.0 - t) * b + t * t * c;
            at(mix(start.x, toward.0, x), mix(start.y, toward.1, y))
        }));
        self
    }

    /// The outline with its mirrored half.
    pub fn close(self) -> Shape {
        let mirrored: Vec<Point> = self.points.iter().rev().map(|p| at(100.0 - p.x, p.y)).collect();
        Shape::polygon(self.points.into_iter().chain(mirrored))
    }
}

/// Points along an ellipse from one turn to another; turn 0 is at the right, 0.25 at the bottom.
pub fn arc(center: Point, across: f32, down: f32, from: f32, to: f32) -> Vec<Point> {
    std::iter::once(0.0)
        .chain(steps(48))
        .map(|t| {
            let angle = (from + (to - from) * t) * TAU;
            at(center.x + across * libm::cosf(angle), center.y + down * libm::sinf(angle))
        })
        .collect()
}

/// A smooth open curve through `points`, for strokes and chains.
pub fn curve(points: &[Point]) -> Vec<Point> {
    let last = points.len() - 1;
    let spans = (0..last).map(|i| [points[i.saturating_sub(1)], points[i], points[i + 1], points[(i + 2).min(last)]]);
    std::iter::once(points[0]).chain(spans.flat_map(span)).collect()
}

/// Points at equal distances along a polyline, each with the turn of the line there.
pub fn walk(line: &[Point], stride: f32) -> Vec<(Point, f32)> {
    let mut found = Vec::new();
    let mut until_next = 0.0;
    for ends in line.windows(2) {
        let (run, rise) = (ends[1].x - ends[0].x, ends[1].y - ends[0].y);
        let length = (run * run + rise * rise).sqrt();
        while until_next < length {
            let share = until_next / length;
            found.push((at(ends[0].x + run * share, ends[0].y + rise * share), libm::atan2f(rise, run) / TAU));
            until_next += stride;
        }
        until_next -= length;
    }
    found
}

/// `count` equal steps from `1 / count` to 1.
pub fn steps(count: u8) -> impl Iterator<Item = f32> {
    (1..=count).map(move |i| f32::from(i) / f32::from(count))
}

/// A Catmull-Rom span between the middle two of four points.
fn span([before, from, to, after]: [Point; 4]) -> impl Iterator<Item = Point> {
    steps(12).map(move |t| {
        let mix = |a: f32, b: f32, c: f32, d: f32| {
            let cubic = 3.0 * (b - c) + d - a;
            let square = 2.0 * a - 5.0 * b + 4.0 * c - d;
            b + 0.5 * t * ((c - a) + t * (square + t * cubic))
        };
        at(mix(before.x, from.x, to.x, after.x), mix(before.y, from.y, to.y, after.y))
    })
}

fn disc(center: Point, radius: f32) -> Vec<Point> {
    steps(16).map(|t| at(center.x + radius * libm::cosf(t * TAU), center.y + radius * libm::sinf(t * TAU))).collect()
}

/// The ring in the one direction that all unions share.
fn clockwise(mut ring: Vec<Point>) -> Vec<Point> {
    let next = ring.iter().cycle().skip(1);
    let area: f32 = ring.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    if area < 0.0 {
        ring.reverse();
    }
    ring
}
