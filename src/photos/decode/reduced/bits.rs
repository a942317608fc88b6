//! Bits and Huffman codes of a scan. This room refuses to look past a marker: what is missing reads as zeros and is counted.

/// Reads bits from coded data, where a zero byte follows every `FF` that is data.
pub struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the highest one down.
    buffer: u64,
    /// Bits in the buffer.
    count: u32,
    /// Of these, zeros that are in no file.
    invented: u32,
}

impl<'a> Bits<'a> {
    pub fn new(data: &'a [u8]) -> Bits<'a> {
        Bits { data, at: 0, buffer: 0, count: 0, invented: 0 }
    }

    /// Makes 32 bits or more available.
    #[inline]
    pub fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(bytes) = self.data[self.at..].first_chunk::<4>() {
            let word = u32::from_be_bytes(*bytes);
            let no_marker = !word;
            // Whether no byte of `no_marker` is zero, so that no byte of the word is FF.
            if no_marker.wrapping_sub(0x0101_0101) & !no_marker & 0x8080_8080 == 0 {
                self.buffer |= u64::from(word) << (32 - self.count);
                self.count += 32;
                self.at += 4;
                return;
            }
        }
        self.refill_bytes();
    }

    fn refill_bytes(&mut self) {
        while self.count <= 56 {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                (Some(0xFF) | None, _) => {
                    self.invented = self.invented.saturating_add(8);
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Takes `count` bits, at most 16, of those that [`Bits::refill`] made available.
    #[inline]
    pub fn take(&mut self, count: u32) -> i32 {
        debug_assert!(count <= 16 && count <= self.count);
        // Two shifts, because none is allowed to be by 64.
        let value = (self.buffer >> 1) >> (63 - count);
        self.skip(count);
        i32::try_from(value).unwrap_or(0)
    }

    #[inline]
    fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count -= count;
    }

    /// The next bit.
    #[inline]
    pub fn flag(&mut self) -> bool {
        self.refill();
        self.take(1) == 1
    }

    /// Leaves out as many bits.
    pub fn leave_out(&mut self, mut count: u32) {
        while count > 0 {
            self.refill();
            let now = count.min(16);
            self.skip(now);
            count -= now;
        }
    }

    /// A number of `size` bits as JPEG writes it: those that begin with 0 are negative.
    #[inline]
    pub fn signed(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let value = self.take(size);
        if value < 1 << (size - 1) { value - (1 << size) + 1 } else { value }
    }

    /// Whether bits were taken that no file has.
    pub fn is_overdrawn(&self) -> bool {
        self.invented > self.count
    }

    /// Goes to the data behind the next restart marker; `None` where there is none.
    pub fn restart(&mut self) -> Option<()> {
        if self.is_overdrawn() || !matches!(self.data[self.at..], [0xFF, 0xD0..=0xD7, ..]) {
            return None;
        }
        *self = Bits { data: self.data, at: self.at + 2, buffer: 0, count: 0, invented: 0 };
        Some(())
    }
}

/// Bits of a code that one look into a table resolves.
const FAST: u32 = 10;

/// A Huffman table.
pub struct Codes {
    /// Length and symbol of every code that begins with these bits, or zeros.
    fast: Box<[(u8, u8); 1 << FAST]>,
    /// For every length: one more than its last code, aligned to 16 bits.
    ends: [u32; 17],
    /// For every length: what added to a code gives the place of its symbol.
    places: [i32; 17],
    symbols: Vec<u8>,
}

impl Codes {
    /// A table from how many codes have each length and their symbols in order; `None` where there are more codes than bits
    /// for them.
    pub fn new(lengths: &[u8; 16], symbols: &[u8]) -> Option<Codes> {
        let mut codes =
            Codes { fast: Box::new([(0, 0); 1 << FAST]), ends: [0; 17], places: [0; 17], symbols: symbols.to_vec() };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, &count) in (1..=16_u32).zip(lengths) {
            let first = code;
            codes.places[length as usize] = i32::try_from(place).ok()? - i32::try_from(first).ok()?;
            for _ in 0..count {
                let symbol = *symbols.get(place)?;
                if code >= 1 << length {
                    return None;
                }
                if length <= FAST {
                    let start = (code << (FAST - length)) as usize;
                    let entry = (u8::try_from(length).ok()?, symbol);
                    codes.fast[start..start + (1 << (FAST - length))].fill(entry);
                }
                code += 1;
                place += 1;
            }
            codes.ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Some(codes)
    }

    /// The next symbol of what [`Bits::refill`] made available; `None` for a code that the table lacks.
    #[inline]
    pub fn next(&self, bits: &mut Bits) -> Option<u8> {
        let (length, symbol) = self.fast[(bits.buffer >> (64 - FAST)) as usize];
        if length > 0 {
            bits.skip(u32::from(length));
            return Some(symbol);
        }
        self.next_long(bits)
    }

    fn next_long(&self, bits: &mut Bits) -> Option<u8> {
        let look = u32::try_from(bits.buffer >> 48).ok()?;
        let length = (FAST + 1..=16).find(|&length| look < self.ends[length as usize])?;
        let code = i32::try_from(look >> (16 - length)).ok()?;
        bits.skip(length);
        self.symbols.get(usize::try_from(code + self.places[length as usize]).ok()?).copied()
    }
}
