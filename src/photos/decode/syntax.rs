//! What the segments of a JPEG say before its scans: the frame and the tables. This room refuses to know what they are for.

use super::huffman::Codes;
use super::jpeg::Segment;

/// Where the coefficients of a block come in the file: row * 8 + column.
pub const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// What one coefficient of each kind is worth, by row * 8 + column.
pub type Quanta = [u16; 64];

/// The tables that are in force.
#[derive(Default)]
pub struct Tables {
    pub dc: [Option<Codes>; 4],
    pub ac: [Option<Codes>; 4],
    pub quanta: [Option<Quanta>; 4],
}

impl Tables {
    /// Takes the tables of a segment, if it is one of tables; `None` where they are damaged.
    pub fn read(&mut self, segment: &Segment) -> Option<()> {
        match segment.marker {
            0xC4 => self.read_codes(segment.body),
            0xDB => self.read_quanta(segment.body),
            _ => Some(()),
        }
    }

    fn read_codes(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((&number, rest)) = body.split_first() {
            let lengths = rest.first_chunk::<16>()?;
            let count: usize = lengths.iter().map(|&count| usize::from(count)).sum();
            let symbols = rest.get(16..16 + count)?;
            let kind = match number >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            *kind.get_mut(usize::from(number & 15))? = Some(Codes::new(lengths, symbols)?);
            body = &rest[16 + count..];
        }
        Some(())
    }

    fn read_quanta(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((&number, rest)) = body.split_first() {
            let wide = match number >> 4 {
                0 => false,
                1 => true,
                _ => return None,
            };
            let size = if wide { 128 } else { 64 };
            let values = rest.get(..size)?;
            let mut table = [0; 64];
            for (index, &position) in ZIGZAG.iter().enumerate() {
                table[usize::from(position)] = if wide {
                    u16::from_be_bytes([values[2 * index], values[2 * index + 1]])
                } else {
                    u16::from(values[index])
                };
            }
            *self.quanta.get_mut(usize::from(number & 15))? = Some(table);
            body = &rest[size..];
        }
        Some(())
    }
}

/// The header of a frame with 8 bits a sample and one or three components.
pub struct Frame {
    pub width: u32,
    pub height: u32,
    pub parts: Vec<Part>,
}

/// One color component.
#[derive(Clone, Copy)]
pub struct Part {
    pub id: u8,
    /// Blocks of a unit of an interleaved scan, across and down.
    pub across: usize,
    pub down: usize,
    /// The number of its quantization table.
    pub table: usize,
}

impl Frame {
    /// From the body of its segment; `None` for what is damaged or unusual.
    pub fn read(body: &[u8]) -> Option<Frame> {
        let [8, high, low, wide, narrow, count, parts @ ..] = body else { return None };
        let height = u32::from(u16::from_be_bytes([*high, *low]));
        let width = u32::from(u16::from_be_bytes([*wide, *narrow]));
        if width == 0 || height == 0 || !matches!(count, 1 | 3) || parts.len() != 3 * usize::from(*count) {
            return None;
        }
        let part = |&[id, blocks, table]: &[u8; 3]| Part {
            id,
            across: usize::from(blocks >> 4),
            down: usize::from(blocks & 15),
            table: usize::from(table),
        };
        let mut parts: Vec<Part> = parts.as_chunks().0.iter().map(part).collect();
        if let [only] = &mut parts[..] {
            // Without others, its blocks come one by one whatever it says.
            (only.across, only.down) = (1, 1);
        }
        let is_usual = |part: &Part| matches!((part.across, part.down), (1 | 2 | 4, 1 | 2 | 4));
        parts.iter().all(is_usual).then_some(Frame { width, height, parts })
    }

    /// Blocks of the largest component in a unit, across and down.
    pub fn largest(&self) -> (usize, usize) {
        let most = |blocks: fn(&Part) -> usize| self.parts.iter().map(blocks).max().unwrap_or(1);
        (most(|part| part.across), most(|part| part.down))
    }
}
