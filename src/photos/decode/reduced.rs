//! JPEGs at a half, a quarter or an eighth of their size, straight from the low frequencies, as is done where a photo is far
//! larger than what a network looks at. This room refuses whatever is unusual or damaged: the whole decoder judges that.

use std::cell::RefCell;
use std::ops::Range;

mod inverse;
mod scan;

use super::Seen;
use super::color::{Kind, Raster};
use super::jpeg::{self, Segment, Segments};
use super::syntax::{self, Quanta, Tables};
use crate::photos::Shown;
use inverse::Looked;
use scan::{Component, Scan, Spare};

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// The most coefficients of a picture whose memory is kept for the next one.
const SPARED: usize = 4 << 20;

/// Decodes a JPEG so that its short side keeps at least `needed` pixels; `None` where it is too small for that, or not what
/// this room reads.
pub fn decode(bytes: &[u8], seen: Seen) -> Option<Raster> {
    let mut spare = SPARE.take();
    let mut tables = Tables::default();
    let mut frame: Option<Frame> = None;
    let (mut restart, mut adobe, mut jfif, mut scans) = (0, None, false, 0);
    for segment in Segments::new(bytes) {
        match segment.marker {
            0xC0..=0xC2 if frame.is_none() => {
                frame = Some(Frame::read(&segment, seen, &mut spare)?);
            }
            0xC4 | 0xDB => tables.read(&segment)?,
            0xDD => restart = usize::from(u16::from_be_bytes(*segment.body.first_chunk()?)),
            0xE0 => jfif |= segment.body.starts_with(b"JFIF\0"),
            0xEE => adobe = adobe.or(jpeg::adobe_transform(&segment)),
            jpeg::SCAN => {
                scans += 1;
                if scans > jpeg::MAX_SCANS {
                    return None;
                }
                frame.as_mut()?.read_scan(&segment, restart, &tables)?;
            }
            // A second picture, other ways to code and a height that comes later.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF | 0xDC => return None,
            _ => {}
        }
    }
    let raster = frame?.finish(adobe, jfif, &mut spare);
    SPARE.set(spare);
    raster
}

/// A picture under way.
struct Frame {
    /// Reduced.
    width: u32,
    height: u32,
    shown: Shown,
    /// Pixels that a block of the largest component keeps a side.
    side: u8,
    progressive: bool,
    components: Vec<Component>,
    /// The table of each component as it was when its first scan began.
    quanta: Vec<Option<Quanta>>,
    /// Blocks of the largest component in a unit, across and down.
    largest: (usize, usize),
    /// Units across.
    units: usize,
    /// The units that are looked at.
    looked: Looked,
}

impl Frame {
    fn read(segment: &Segment, seen: Seen, spare: &mut Spare) -> Option<Frame> {
        let frame = syntax::Frame::read(segment.body)?;
        let (width, height) = (frame.width, frame.height);
        let side = [1, 2, 4].into_iter().find(|&side| reduced(width.min(height), side) >= seen.needed())?;
        let (across, down) = frame.largest();
        let is_usual = |own: usize, most: usize| matches!(most / own * usize::from(side), 1..=8);
        if frame.parts.iter().any(|part| !is_usual(part.across, across) || !is_usual(part.down, down)) {
            return None;
        }
        let mut components: Vec<_> = frame.parts.iter().map(Component::new).collect();
        let (wide, high) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
        let units = wide.div_ceil(8 * across);
        let unit_rows = high.div_ceil(8 * down);
        for component in &mut components {
            component.columns = (wide * component.across).div_ceil(8 * across);
            component.rows = (high * component.down).div_ceil(8 * down);
            component.stride = units * component.across;
            let (own_width, own_height) = pixels_a_block(component, (across, down), side);
            component.prepare(own_width, own_height, component.stride * unit_rows * component.down, spare);
        }
        let looked = |pixels: Range<u32>, blocks: usize, end: usize| {
            let unit = |pixel: u32| usize::try_from(pixel).unwrap_or(usize::MAX) / (8 * blocks);
            unit(pixels.start).min(end)..(unit(pixels.end) + 1).min(end)
        };
        Some(Frame {
            width: reduced(width, side),
            height: reduced(height, side),
            shown: Shown { left: 0, top: 0, width: width * u32::from(side), height: height * u32::from(side) },
            side,
            progressive: segment.marker == 0xC2,
            quanta: vec![None; components.len()],
            components,
            largest: (across, down),
            units,
            looked: Looked {
                columns: looked(seen.columns(width, height), across, units),
                rows: looked(seen.rows(width, height), down, unit_rows),
            },
        })
    }

    fn read_scan(&mut self, segment: &Segment, restart: usize, tables: &Tables) -> Option<()> {
        let (&count, rest) = segment.body.split_first()?;
        let (named, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let &[first, last, bits] = rest.first_chunk()?;
        let mut parts: Vec<(usize, usize, usize)> = Vec::new();
        for named in named.chunks_exact(2) {
            let number = self.components.iter().position(|component| component.id == named[0])?;
            let (dc, ac) = (usize::from(named[1] >> 4), usize::from(named[1] & 15));
            if dc > 3 || ac > 3 || parts.iter().any(|&(other, ..)| other == number) {
                return None;
            }
            if self.quanta[number].is_none() {
                self.quanta[number] = Some((*tables.quanta.get(self.components[number].table)?)?);
            }
            parts.push((number, dc, ac));
        }
        let scan = Scan {
            first: usize::from(first),
            last: usize::from(last),
            high: u32::from(bits >> 4),
            low: u32::from(bits & 15),
            progressive: self.progressive,
            restart,
            parts,
        };
        let fits = if scan.progressive {
            let of_one_kind = scan.first > 0 || scan.last == 0;
            let of_one_component = scan.first == 0 || scan.parts.len() == 1;
            of_one_kind && of_one_component && scan.first <= scan.last && scan.last <= 63 && scan.low <= 13
        } else {
            (scan.first, scan.last, bits) == (0, 63, 0)
        };
        if !fits || scan.parts.is_empty() {
            return None;
        }
        scan.decode(segment.scan(), tables, &mut self.components, self.units, self.looked.rows.end)
    }

    fn finish(self, adobe: Option<u8>, jfif: bool, spare: &mut Spare) -> Option<Raster> {
        let mut planes = Vec::new();
        for (component, quanta) in self.components.iter().zip(&self.quanta) {
            let size = pixels_a_block(component, self.largest, self.side);
            let blocks = |units: &Range<usize>, each: usize| units.start * each..units.end * each;
            let looked = Looked {
                columns: blocks(&self.looked.columns, component.across),
                rows: blocks(&self.looked.rows, component.down),
            };
            planes.push(inverse::plane(component, quanta.as_ref()?, size, &looked, spare.pixels.pop()));
        }
        let ids: Vec<u8> = self.components.iter().map(|component| component.id).collect();
        let is_rgb = jpeg::is_rgb(jfif, adobe, &ids);
        let width = usize::try_from(self.width).ok()?;
        let height = usize::try_from(self.height).ok()?;
        let (kind, mut samples) = match &planes[..] {
            [_] => (Kind::Gray, vec![0; width * height]),
            _ => (Kind::Rgb, vec![0; width * height * 3]),
        };
        let rows =
            [self.looked.rows.start, self.looked.rows.end].map(|row| row * usize::from(self.side) * self.largest.1);
        let lines = samples.chunks_exact_mut(if kind == Kind::Gray { width } else { 3 * width });
        for (row, out) in lines.enumerate().take(rows[1]).skip(rows[0]) {
            let line = |plane: usize| &planes[plane].pixels[row * planes[plane].stride..][..width];
            if kind == Kind::Gray {
                out.copy_from_slice(line(0));
                continue;
            }
            let colors = line(0).iter().zip(line(1)).zip(line(2)).map(|((&a, &b), &c)| [a, b, c]);
            for (pixel, color) in out.as_chunks_mut::<3>().0.iter_mut().zip(colors) {
                *pixel = if is_rgb { color } else { rgb(color) };
            }
        }
        if self.components.iter().map(|component| component.coefficients.len()).sum::<usize>() <= SPARED {
            *spare = Spare { pixels: planes.into_iter().map(|plane| plane.pixels).collect(), ..Spare::default() };
            // Last in, first out: the next picture's first component gets this one's.
            spare.pixels.reverse();
            for component in self.components.into_iter().rev() {
                spare.masks.push(component.nonzero);
                spare.coefficients.push(component.coefficients);
            }
        }
        Some(Raster { width: self.width, height: self.height, shown: self.shown, kind, samples })
    }
}

/// A length at `side` eighths of its size.
fn reduced(length: u32, side: u8) -> u32 {
    (length * u32::from(side)).div_ceil(8)
}

/// Pixels that a block of a component keeps, across and down: more where it has fewer blocks than the largest.
fn pixels_a_block(component: &Component, largest: (usize, usize), side: u8) -> (u8, u8) {
    let times = |most: usize, own: usize| u8::try_from(most / own).unwrap_or(1) * side;
    (times(largest.0, component.across), times(largest.1, component.down))
}

/// A color of JFIF, in fixed point with 16 bits behind the point.
pub fn rgb([luma, blue, red]: [u8; 3]) -> [u8; 3] {
    let (luma, blue, red) = (i32::from(luma) << 16, i32::from(blue) - 128, i32::from(red) - 128);
    let byte = |value: i32| u8::try_from(((value + (1 << 15)) >> 16).clamp(0, 255)).unwrap_or(0);
    [byte(luma + 91_881 * red), byte(luma - 22_554 * blue - 46_802 * red), byte(luma + 116_130 * blue)]
}
