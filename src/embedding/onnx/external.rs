//! The hash of a model: of its file and of the files beside it that hold its weights. This file refuses to understand more of a
//! model than the names of those files.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, bail};

/// What a message of the ONNX format may hold that leads to the name of a file, by the number of the field.
/// The numbers are those of `onnx.proto`.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    SparseTensor,
    Function,
    Tensor,
    Entry,
}

impl Message {
    fn field(self, number: u64) -> Option<Message> {
        match (self, number) {
            (Message::Model, 7) | (Message::Attribute, 6 | 11) => Some(Message::Graph),
            (Message::Model, 25) => Some(Message::Function),
            (Message::Graph, 1) | (Message::Function, 7) => Some(Message::Node),
            (Message::Graph, 5) | (Message::Attribute, 5 | 10) | (Message::SparseTensor, 1 | 2) => {
                Some(Message::Tensor)
            }
            (Message::Graph, 15) | (Message::Attribute, 22 | 23) => Some(Message::SparseTensor),
            (Message::Node, 5) => Some(Message::Attribute),
            (Message::Tensor, 13) => Some(Message::Entry),
            _ => None,
        }
    }
}

/// BLAKE3 of the model's bytes; where weights lie in other files, over the hash of each with its name.
pub(super) fn hash(model: &Path) -> anyhow::Result<blake3::Hash> {
    let bytes = std::fs::read(model).context("it cannot be read")?;
    let own = blake3::hash(&bytes);
    let mut names = BTreeSet::new();
    collect(&bytes, Message::Model, &mut names).context("it is not an ONNX file")?;
    drop(bytes);
    if names.is_empty() {
        return Ok(own);
    }
    let mut all = blake3::Hasher::new();
    all.update(own.as_bytes());
    for name in names {
        let path = model.with_file_name(&name);
        let mut hasher = blake3::Hasher::new();
        let file = File::open(&path).and_then(|file| hasher.update_reader(file).map(|_| ()));
        file.with_context(|| format!("its weights in `{}` cannot be read", path.display()))?;
        all.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        all.update(hasher.finalize().as_bytes());
    }
    Ok(all.finalize())
}

/// Finds the names of files in a message.
fn collect(mut bytes: &[u8], message: Message, names: &mut BTreeSet<String>) -> anyhow::Result<()> {
    let (mut key, mut value) = (None, None);
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let field = match tag & 7 {
            0 => {
                varint(&mut bytes)?;
                continue;
            }
            1 => {
                take(&mut bytes, 8)?;
                continue;
            }
            5 => {
                take(&mut bytes, 4)?;
                continue;
            }
            2 => {
                let length = varint(&mut bytes)?;
                take(&mut bytes, length)?
            }
            other => bail!("a field of the unknown kind {other}"),
        };
        match (message, tag >> 3) {
            (Message::Entry, 1) => key = Some(field),
            (Message::Entry, 2) => value = Some(field),
            (_, number) => {
                if let Some(inner) = message.field(number) {
                    collect(field, inner, names)?;
                }
            }
        }
    }
    if let (Some(b"location"), Some(name)) = (key, value) {
        names.insert(String::from_utf8(name.to_vec()).context("a file's name is not UTF-8")?);
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> anyhow::Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    bail!("a number without an end")
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> anyhow::Result<&'a [u8]> {
    let taken = usize::try_from(length).ok().and_then(|length| bytes.split_off(..length));
    taken.context("it ends too early")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that holds bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let tag = (u64::from(number) << 3 | 2) as usize;
        let mut text = Vec::new();
        for mut value in [tag, bytes.len()] {
            while value >= 0x80 {
                text.push((value & 0x7F | 0x80) as u8);
                value >>= 7;
            }
            text.push(value as u8);
        }
        [text, bytes.to_vec()].concat()
    }

    /// A model whose one weight lies in a file, in the graph or in a node's attribute.
    fn model(name: &str, in_graph: bool) -> Vec<u8> {
        let entry =
            |key: &str, value: &str| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
        let tensor = [vec![16, 1], field(8, b"weight"), entry("location", name), entry("offset", "0")].concat();
        let graph = if in_graph { field(5, &tensor) } else { field(1, &field(5, &field(5, &tensor))) };
        [vec![8, 8], field(2, b"twinset"), field(7, &graph)].concat()
    }

    #[test]
    fn weights_in_other_files_are_part_of_the_hash() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, weights) = (folder.path().join("m.onnx"), folder.path().join("m.onnx.data"));
        let mut seen = BTreeSet::new();
        for in_graph in [true, false] {
            std::fs::write(&path, model("m.onnx.data", in_graph)).expect("written");
            std::fs::remove_file(&weights).ok();
            let error = format!("{:#}", hash(&path).expect_err("no weights"));
            assert!(error.contains("m.onnx.data"), "{error}");
            for bytes in ["one", "two"] {
                std::fs::write(&weights, bytes).expect("written");
                assert!(seen.insert(*hash(&path).expect("a hash").as_bytes()));
            }
        }
    }

    #[test]
    fn a_model_in_one_file_has_the_hash_of_its_bytes_and_rubbish_has_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("m.onnx");
        let bytes = [vec![8, 8], field(2, &vec![b'x'; 300]), field(7, &field(2, b"graph"))].concat();
        std::fs::write(&path, &bytes).expect("written");
        assert_eq!(hash(&path).expect("a hash"), blake3::hash(&bytes));
        for rubbish in [b"<html>".as_slice(), &[0xFF; 12], &[0x0A, 0x7F, 1]] {
            std::fs::write(&path, rubbish).expect("written");
            let error = format!("{:#}", hash(&path).expect_err("rubbish"));
            assert!(error.contains("not an ONNX file"), "{error}");
        }
    }
}
