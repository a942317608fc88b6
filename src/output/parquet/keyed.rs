//! Column chunks written from dictionary keys: no value is looked at twice. This room refuses to know of files and tables.
//!
//! An arrow writer would hash and compare the value of every row to find its place in the row group's dictionary, and compare
//! it twice more for the statistics. Keys are in the order of their values, so that a table of places and the order of
//! integers do the same.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Encoding, EncodingMask, PageType, Type};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, LevelHistogram, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use super::{ZSTD_LEVEL, runs, zstd};
use crate::output::keys::{Dictionary, Key};

/// Rows of a page; a row group has six pages.
const PAGE_ROWS: usize = 20_480;

/// In [`KeyedColumn::places`]: not in the row group's dictionary.
const ABSENT: u32 = u32::MAX;

/// Writes one column of a table, row group by row group.
pub(super) struct KeyedColumn {
    dictionary: Arc<Dictionary>,
    compressor: Compressor<'static>,
    /// Per key, its place in the row group's dictionary.
    places: Vec<u32>,
    /// The row group's dictionary: keys by their first row.
    used: Vec<Key>,
    /// Rows of the open page.
    waiting: Vec<Key>,
    pages: Vec<DataPage>,
    is_nullable: bool,
}

struct DataPage {
    bytes: Vec<u8>,
    uncompressed: usize,
    rows: usize,
    nulls: usize,
    /// The lowest and the highest key, if there is any.
    bounds: Option<(Key, Key)>,
}

/// A finished column chunk: its bytes, and what the file's footer says of them.
pub(super) type Chunk = (Bytes, ColumnCloseResult);

impl KeyedColumn {
    pub(super) fn new(dictionary: Arc<Dictionary>, is_nullable: bool) -> std::io::Result<KeyedColumn> {
        let places = vec![ABSENT; dictionary.len()];
        let compressor = Compressor::new(ZSTD_LEVEL)?;
        let (used, waiting, pages) = (Vec::new(), Vec::with_capacity(PAGE_ROWS), Vec::new());
        Ok(KeyedColumn { dictionary, compressor, places, used, waiting, pages, is_nullable })
    }

    /// Adds rows of the open row group.
    pub(super) fn write(&mut self, mut keys: &[Key]) -> Result<(), ParquetError> {
        while !keys.is_empty() {
            let (now, later) = keys.split_at(keys.len().min(PAGE_ROWS - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            if self.waiting.len() == PAGE_ROWS {
                self.end_page()?;
            }
            keys = later;
        }
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), ParquetError> {
        let waiting = std::mem::take(&mut self.waiting);
        let nulls = waiting.iter().filter(|&&key| key == Key::NULL).count();
        let some;
        let present = if nulls == 0 {
            &waiting[..]
        } else {
            some = waiting.iter().copied().filter(|&key| key != Key::NULL).collect::<Vec<Key>>();
            &some
        };
        let bounds = present.iter().copied().min().zip(present.iter().copied().max());
        let mut plain = Vec::new();
        if self.is_nullable {
            levels(&waiting, nulls, &mut plain);
        } else if nulls > 0 {
            return Err(ParquetError::General("a required column has nulls".to_owned()));
        }
        let is_one_value = bounds.is_some_and(|(low, high)| low == high);
        let places = self.look_up(if is_one_value { &present[..1] } else { present });
        let width = runs::width(self.used.len());
        plain.push(width);
        if is_one_value {
            runs::repeat(places[0], present.len(), width, &mut plain);
        } else {
            runs::encode(&places, width, &mut plain);
        }
        let bytes = self.compressor.compress(&plain)?;
        self.pages.push(DataPage { bytes, uncompressed: plain.len(), rows: waiting.len(), nulls, bounds });
        self.waiting = waiting;
        self.waiting.clear();
        Ok(())
    }

    /// The places of keys in the row group's dictionary, in which they are from now on.
    fn look_up(&mut self, keys: &[Key]) -> Vec<u32> {
        let known = self.used.len();
        let mut count = u32::try_from(known).expect("no more values than rows of a row group");
        self.used.resize(known + keys.len(), Key::NULL);
        let place = |&key: &Key| {
            // Without a branch: whether a key is new would be guessed wrongly too often.
            let place = &mut self.places[key.place()];
            let is_new = *place == ABSENT;
            *place = if is_new { count } else { *place };
            self.used[count as usize] = key;
            count += u32::from(is_new);
            *place
        };
        let places = keys.iter().map(place).collect();
        self.used.truncate(count as usize);
        places
    }

    /// Ends the row group.
    pub(super) fn end(&mut self, descriptor: ColumnDescPtr) -> Result<Chunk, ParquetError> {
        if !self.waiting.is_empty() {
            self.end_page()?;
        }
        let pages = std::mem::take(&mut self.pages);
        let used = std::mem::take(&mut self.used);
        let dictionary = self.dictionary_page(&used)?;
        // Room for the pages and their headers, so that nothing is moved while they come.
        let room = pages.iter().map(|page| page.bytes.len() + 64).sum::<usize>() + dictionary.data().len() + 64;
        let mut sink = TrackedWrite::new(Vec::with_capacity(room));
        let mut writer = SerializedPageWriter::new(&mut sink);
        let dictionary = writer.write_page(dictionary)?;
        let (mut stored, mut uncompressed) = (dictionary.compressed_size, dictionary.uncompressed_size);
        let mut column_index = ColumnIndexBuilder::new(self.dictionary.physical());
        let mut offset_index = OffsetIndexBuilder::new();
        let mut histogram = LevelHistogram::try_new(descriptor.max_def_level());
        let count = i64::try_from;
        for page in &pages {
            let of_page = self.histogram(page)?;
            if let (Some(all), Some(of_page)) = (&mut histogram, &of_page) {
                all.add(of_page);
            }
            let value = |key: Key| self.dictionary.value(key).to_vec();
            let (low, high) = page.bounds.map_or_else(Default::default, |(low, high)| (value(low), value(high)));
            column_index.append(page.bounds.is_none(), low, high, count(page.nulls)?, None);
            column_index.append_histograms(&None, &of_page);
        }
        column_index.set_boundary_order(boundary_order(&pages));
        let bounds = pages.iter().filter_map(|page| page.bounds);
        let bounds = bounds.reduce(|all, page| (all.0.min(page.0), all.1.max(page.1)));
        let (rows, nulls) = pages.iter().fold((0, 0), |(rows, nulls), page| (rows + page.rows, nulls + page.nulls));
        let encodings = [
            PageEncodingStats { page_type: PageType::DICTIONARY_PAGE, encoding: Encoding::PLAIN, count: 1 },
            PageEncodingStats {
                page_type: PageType::DATA_PAGE,
                encoding: Encoding::RLE_DICTIONARY,
                count: i32::try_from(pages.len())?,
            },
        ];
        for page in pages {
            let rows = count(page.rows)?;
            let written = writer.write_page(page.into_page()?)?;
            stored += written.compressed_size;
            uncompressed += written.uncompressed_size;
            offset_index.append_row_count(rows);
            offset_index.append_offset_and_size(count_u64(written.offset)?, i32::try_from(written.compressed_size)?);
        }
        writer.close()?;
        let metadata = ColumnChunkMetaData::builder(descriptor)
            .set_compression(zstd())
            .set_encodings_mask(EncodingMask::new_from_encodings(
                [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY].iter(),
            ))
            .set_page_encoding_stats(encodings.to_vec())
            .set_total_compressed_size(count(stored)?)
            .set_total_uncompressed_size(count(uncompressed)?)
            .set_num_values(count(rows)?)
            .set_dictionary_page_offset(Some(count_u64(dictionary.offset)?))
            .set_data_page_offset(count(dictionary.compressed_size)?)
            .set_statistics(self.statistics(bounds, nulls as u64))
            .set_definition_level_histogram(histogram)
            .build()?;
        for key in used {
            self.places[key.place()] = ABSENT;
        }
        let closed = ColumnCloseResult {
            bytes_written: stored as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: Some(column_index.build()?),
            offset_index: Some(offset_index.build()),
        };
        Ok((sink.into_inner()?.into(), closed))
    }

    fn dictionary_page(&mut self, used: &[Key]) -> Result<CompressedPage, ParquetError> {
        let mut plain = Vec::new();
        for &key in used {
            plain.extend_from_slice(self.dictionary.plain(key));
        }
        let page = Page::DictionaryPage {
            buf: self.compressor.compress(&plain)?.into(),
            num_values: u32::try_from(used.len())?,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        Ok(CompressedPage::new(page, plain.len()))
    }

    fn histogram(&self, page: &DataPage) -> Result<Option<LevelHistogram>, ParquetError> {
        let mut histogram = LevelHistogram::try_new(i16::from(self.is_nullable));
        if let Some(levels) = &mut histogram {
            levels.increment_by(0, i64::try_from(page.nulls)?);
            levels.increment_by(1, i64::try_from(page.rows - page.nulls)?);
        }
        Ok(histogram)
    }

    fn statistics(&self, bounds: Option<(Key, Key)>, nulls: u64) -> Statistics {
        let (low, high) = (bounds.map(|bounds| bounds.0), bounds.map(|bounds| bounds.1));
        let value = |key: Key| self.dictionary.value(key);
        match self.dictionary.physical() {
            Type::INT32 => {
                let number = |key| i32::from_le_bytes(*value(key).first_chunk().expect("a number of 4 bytes"));
                let all = ValueStatistics::new(low.map(number), high.map(number), None, Some(nulls), false);
                all.with_backwards_compatible_min_max(true).into()
            }
            Type::INT64 => {
                let number = |key| i64::from_le_bytes(*value(key).first_chunk().expect("a number of 8 bytes"));
                let all = ValueStatistics::new(low.map(number), high.map(number), None, Some(nulls), false);
                all.with_backwards_compatible_min_max(true).into()
            }
            _ => {
                let text = |key| ByteArray::from(value(key).to_vec());
                ValueStatistics::new(low.map(text), high.map(text), None, Some(nulls), false).into()
            }
        }
    }
}

impl DataPage {
    fn into_page(self) -> Result<CompressedPage, ParquetError> {
        let page = Page::DataPage {
            buf: self.bytes.into(),
            num_values: u32::try_from(self.rows)?,
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        Ok(CompressedPage::new(page, self.uncompressed))
    }
}

/// Appends whether each row has a value, behind the length of that.
fn levels(rows: &[Key], nulls: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    if nulls == 0 || nulls == rows.len() {
        runs::repeat(u32::from(nulls == 0), rows.len(), 1, out);
    } else {
        let levels: Vec<u32> = rows.iter().map(|&key| u32::from(key != Key::NULL)).collect();
        runs::encode(&levels, 1, out);
    }
    let length = u32::try_from(out.len() - start - 4).expect("fewer bytes than rows");
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

fn boundary_order(pages: &[DataPage]) -> BoundaryOrder {
    let bounds: Vec<(Key, Key)> = pages.iter().filter_map(|page| page.bounds).collect();
    if bounds.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1) {
        BoundaryOrder::ASCENDING
    } else if bounds.is_sorted_by(|a, b| a.0 >= b.0 && a.1 >= b.1) {
        BoundaryOrder::DESCENDING
    } else {
        BoundaryOrder::UNORDERED
    }
}

fn count_u64(number: u64) -> Result<i64, std::num::TryFromIntError> {
    i64::try_from(number)
}
