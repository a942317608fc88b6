//! JPEGs at their full size, but only what is looked at, and as their file has it: luma and chroma apart, chroma at its own size.
//! Turning them into colors can wait until they are small. This room refuses whatever is unusual or damaged: the whole decoder
//! judges that.

mod inverse;

use std::ops::Range;

use image::metadata::Orientation;

use super::Seen;
use super::huffman::{self, Bits, Codes, END};
use super::jpeg::{self, Segment, Segments};
use super::syntax::{Frame, Part, Tables, ZIGZAG};
use crate::photos::planes::{Plane, Planes};
use inverse::Block;

/// Decodes a JPEG in one baseline scan, luma and chroma or luma alone, not yet upright; `None` where it is another one. That it is no RGB
/// is for the caller to know.
pub fn decode(bytes: &[u8], seen: Seen) -> Option<Planes> {
    let (mut tables, mut frame, mut restart) = (Tables::default(), None, 0);
    for segment in Segments::new(bytes) {
        match segment.marker {
            0xC0 | 0xC1 if frame.is_none() => frame = Some(Frame::read(segment.body)?),
            0xC4 | 0xDB => tables.read(&segment)?,
            0xDD => restart = usize::from(u16::from_be_bytes(*segment.body.first_chunk()?)),
            jpeg::SCAN => {
                return Scan::new(&segment, &frame?, &tables, restart)?.decode(&segment, seen);
            }
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF | 0xDC => return None,
            _ => {}
        }
    }
    None
}

/// The one scan of a picture.
struct Scan<'t> {
    frame: &'t Frame,
    components: Vec<Component<'t>>,
    /// Units between restarts; 0 for none.
    restart: usize,
}

/// How the blocks of one color component are read.
struct Component<'t> {
    part: Part,
    first: &'t Codes,
    others: &'t Codes,
    steps: Steps,
}

/// For a coefficient in the file's order: its place in the block, and what one of it is worth. What lies behind a block's end adds
/// nothing to its first place.
type Steps = [(u8, i32); 64 + END];

/// Bits behind the point of a step.
const POINT: u32 = 12;

impl<'t> Scan<'t> {
    fn new(segment: &Segment, frame: &'t Frame, tables: &'t Tables, restart: usize) -> Option<Scan<'t>> {
        let (&count, rest) = segment.body.split_first()?;
        let (named, rest) = rest.split_at_checked(2 * usize::from(count))?;
        if named.len() != 2 * frame.parts.len() || rest != [0, 63, 0] {
            return None;
        }
        let component = |(part, named): (&Part, &[u8; 2])| {
            let first = tables.dc.get(usize::from(named[1] >> 4))?.as_ref().filter(|codes| codes.is_of_first())?;
            let others = tables.ac.get(usize::from(named[1] & 15))?.as_ref().filter(|codes| codes.is_of_others())?;
            let quanta = tables.quanta.get(part.table)?.as_ref()?;
            (named[0] == part.id).then(|| Component { part: *part, first, others, steps: steps(quanta) })
        };
        let components = frame.parts.iter().zip(named.as_chunks().0).map(component).collect::<Option<_>>()?;
        Some(Scan { frame, components, restart })
    }

    /// Decodes the rows of units down to the last that is looked at.
    fn decode(&self, segment: &Segment, seen: Seen) -> Option<Planes> {
        let Frame { width, height, .. } = *self.frame;
        let (across, down) = self.frame.largest();
        let size = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
        let (units, unit_rows) = (size.0.div_ceil(8 * across), size.1.div_ceil(8 * down));
        let looked = |pixels: Range<u32>, blocks: usize, end: usize| {
            let [start, stop] = [pixels.start, pixels.end].map(|pixel| usize::try_from(pixel).unwrap_or(usize::MAX));
            (start / (8 * blocks)).min(end)..stop.div_ceil(8 * blocks).min(end)
        };
        let (columns, rows) =
            (looked(seen.columns(width, height), across, units), looked(seen.rows(width, height), down, unit_rows));
        let plane = |component: &Component| {
            let part = component.part;
            // A part of a sample at the picture's edge is a sample.
            let length = |pixels: usize, own: usize, most: usize| (pixels * own).div_ceil(most);
            let block = |units: &Range<usize>, blocks: usize| 8 * blocks * units.start..8 * blocks * units.end;
            Plane::new(
                (length(size.0, part.across, across), length(size.1, part.down, down)),
                (block(&columns, part.across), block(&rows, part.down)),
                (across / part.across, down / part.down),
            )
        };
        let mut planes: Vec<Plane> = self.components.iter().map(plane).collect();

        let mut block = [[0; 8]; 8];
        huffman::read_units(segment.rest, units * rows.end, self.restart, |mut bits, read| {
            let mut predicted = [0; 3];
            for unit in read {
                let (unit_row, unit) = (unit / units, unit % units);
                let is_looked_at = rows.contains(&unit_row) && columns.contains(&unit);
                for ((component, plane), predicted) in self.components.iter().zip(&mut planes).zip(&mut predicted) {
                    if is_looked_at {
                        let place = (unit - columns.start, unit_row - rows.start);
                        component.unit(&mut bits, predicted, place, plane, &mut block)?;
                    } else {
                        component.leave_out(&mut bits, predicted)?;
                    }
                }
            }
            Some(bits)
        })?;
        Some(Planes { width, height, all: planes, orientation: Orientation::NoTransforms })
    }
}

fn steps(quanta: &[u16; 64]) -> Steps {
    let mut steps = [(0, 0); 64 + END];
    for (step, &position) in steps.iter_mut().zip(&ZIGZAG) {
        let at = usize::from(position);
        let value = f64::from(quanta[at]) * inverse::SCALE[at / 8] * inverse::SCALE[at % 8] * f64::from(1 << POINT);
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^30")]
        let value = value.round() as i32;
        *step = (position, value);
    }
    steps
}

/// A coefficient as the inverse wants it. What no encoder writes comes out wrong, and never stops the night.
#[inline]
fn scaled(value: i32, step: i32) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "absurd values may come out as any other")]
    let scaled = (value.wrapping_mul(step).wrapping_add(1 << (POINT - 1)) >> POINT) as i16;
    scaled
}

impl Component<'_> {
    /// The component's blocks of a unit that is looked at, in its column and row among these.
    #[inline]
    fn unit(
        &self,
        bits: &mut Bits,
        predicted: &mut i32,
        (unit, unit_row): (usize, usize),
        plane: &mut Plane,
        block: &mut Block,
    ) -> Option<()> {
        for row in 0..self.part.down {
            for column in 0..self.part.across {
                let is_flat = self.block(bits, predicted, block)?;
                let place = (unit * self.part.across + column, unit_row * self.part.down + row);
                let (out, stride) = plane.block(place);
                if is_flat {
                    inverse::put_flat(block[0][0], out, stride);
                } else {
                    inverse::put(block, out, stride);
                }
            }
        }
        Some(())
    }

    /// Reads a block whose other coefficients are zero before; says whether they still are.
    #[inline]
    fn block(&self, bits: &mut Bits, predicted: &mut i32, block: &mut Block) -> Option<bool> {
        let block = block.as_flattened_mut().first_chunk_mut::<64>()?;
        // A copy stays in registers.
        let mut own = *bits;
        let (difference, _) = self.first.number(&mut own)?;
        *predicted = predicted.wrapping_add(difference);
        block[0] = scaled(*predicted, self.steps[0].1);
        let mut at = 1;
        while at < 64 {
            let (value, forward) = self.others.number(&mut own)?;
            at += forward;
            let (place, step) = self.steps[at - 1];
            block[usize::from(place & 63)] |= scaled(value, step);
        }
        *bits = own;
        // Where nothing came before the end, nothing was set.
        (at == 64 || at > END).then_some(at == 1 + END)
    }

    /// The same of blocks that nobody looks at: only what the next ones depend on.
    #[inline(never)]
    fn leave_out(&self, bits: &mut Bits, predicted: &mut i32) -> Option<()> {
        let mut own = *bits;
        for _ in 0..self.part.down * self.part.across {
            let (difference, _) = self.first.number(&mut own)?;
            *predicted = predicted.wrapping_add(difference);
            let mut at = 1;
            while at < 64 {
                at += self.others.leave_out(&mut own)?;
            }
            if at != 64 && at <= END {
                return None;
            }
        }
        *bits = own;
        Some(())
    }
}
