//! What goes into the model and what comes out, from the configuration and from what the model says of itself. This file
//! refuses contradictions, and models that want more than a picture.

use anyhow::{Context, bail, ensure};

use super::settings::Word;
use super::{Layout, Settings};

/// Pictures at a time where nobody says otherwise.
const BATCH: usize = 16;

/// An input or output as the model declares it.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub(super) name: String,
    /// `Err` with the type's name where it is neither f32 nor f16.
    pub(super) number: Result<Number, String>,
    /// `None` where any length will do.
    pub(super) shape: Vec<Option<usize>>,
}

/// The kind of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    F32,
    F16,
}

/// How pictures go in and features come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) input: String,
    pub(super) number: Number,
    pub(super) layout: Layout,
    /// Rows, and columns.
    pub(super) side: usize,
    /// Pictures at a time, at most.
    pub(super) batch: usize,
    /// Whether the model takes exactly that many.
    pub(super) fixed: bool,
    pub(super) output: String,
    pub(super) output_number: Number,
    /// Numbers that describe a picture; `None` until the model has run.
    pub(super) dimension: Option<usize>,
}

impl Signature {
    pub(super) fn of(settings: &Settings, inputs: &[Port], outputs: &[Port]) -> anyhow::Result<Signature> {
        let [input] = inputs else {
            let names: Vec<&str> = inputs.iter().map(|port| port.name.as_str()).collect();
            bail!("it has {} inputs (`{}`), not one: export the image encoder alone", inputs.len(), names.join("`, `"));
        };
        let &[pictures, first, second, third] = input.shape.as_slice() else {
            bail!("its input `{}` is {}, not pictures of three colors (four axes)", input.name, shown(&input.shape));
        };
        let layout = layout(settings.layout, input, [first, second, third])?;
        let (colors, rows, columns) = match layout {
            Layout::Nchw => (first, second, third),
            Layout::Nhwc => (third, first, second),
        };
        ensure!(
            colors.is_none_or(|colors| colors == 3),
            "its input `{}` is {}: as `layout = \"{}\"` it has not three colors",
            input.name,
            shown(&input.shape),
            layout.word()
        );
        let (batch, fixed) = batch(settings.batch, pictures, input)?;
        let output = output(settings.output.as_deref(), outputs)?;
        Ok(Signature {
            input: input.name.clone(),
            number: number(input, "input")?,
            layout,
            side: side(settings.size, rows, columns, input)?,
            batch,
            fixed,
            output: output.name.clone(),
            output_number: number(output, "output")?,
            dimension: output.shape[1],
        })
    }

    /// In words.
    pub(super) fn describe(&self) -> String {
        let side = self.side;
        let input = match self.layout {
            Layout::Nchw => format!("3 × {side} × {side}"),
            Layout::Nhwc => format!("{side} × {side} × 3"),
        };
        format!(
            "input `{}`: {input} {} ({}), {}{} at a time; output `{}`: {} numbers ({})",
            self.input,
            self.number.word(),
            self.layout.word(),
            if self.fixed { "exactly " } else { "up to " },
            self.batch,
            self.output,
            self.dimension.map_or("?".to_owned(), |dimension| dimension.to_string()),
            self.output_number.word(),
        )
    }
}

impl Number {
    pub(super) fn word(self) -> &'static str {
        match self {
            Number::F32 => "f32",
            Number::F16 => "f16",
        }
    }
}

fn layout(wish: Option<Layout>, input: &Port, axes: [Option<usize>; 3]) -> anyhow::Result<Layout> {
    let told = match axes {
        [Some(3), _, last] if last != Some(3) => Some(Layout::Nchw),
        [first, _, Some(3)] if first != Some(3) => Some(Layout::Nhwc),
        _ => None,
    };
    match (wish, told) {
        (Some(wish), Some(told)) if wish != told => bail!(
            "`layout = \"{}\"` under `[embedding]` contradicts the model, whose input `{}` is {}",
            wish.word(),
            input.name,
            shown(&input.shape)
        ),
        (Some(layout), _) | (None, Some(layout)) => Ok(layout),
        (None, None) => bail!(
            "its input `{}` is {}, which does not tell where the colors are: set `layout` under `[embedding]` to `nchw` or `nhwc`",
            input.name,
            shown(&input.shape)
        ),
    }
}

fn side(wish: Option<usize>, rows: Option<usize>, columns: Option<usize>, input: &Port) -> anyhow::Result<usize> {
    if let (Some(rows), Some(columns)) = (rows, columns) {
        ensure!(rows == columns, "its input `{}` is {rows} × {columns}: photos are framed as squares only", input.name);
    }
    match (wish, rows.or(columns)) {
        (Some(wish), Some(told)) if wish != told => bail!(
            "`size = {wish}` under `[embedding]` contradicts the model, whose input `{}` is {}",
            input.name,
            shown(&input.shape)
        ),
        (wish, told) => wish.or(told).with_context(|| {
            format!(
                "its input `{}` is {}, which does not tell its size: set `size` under `[embedding]`, for example 224",
                input.name,
                shown(&input.shape)
            )
        }),
    }
}

/// Pictures at a time, and whether the model takes exactly that many.
fn batch(wish: Option<usize>, told: Option<usize>, input: &Port) -> anyhow::Result<(usize, bool)> {
    match (wish, told) {
        (Some(wish), Some(told)) if wish != told => bail!(
            "`batch = {wish}` under `[embedding]` contradicts the model, whose input `{}` takes {told} at a time",
            input.name
        ),
        (_, Some(told)) => Ok((told, true)),
        (wish, None) => Ok((wish.unwrap_or(BATCH), false)),
    }
}

/// The output that is named, else the first that is one vector a picture.
fn output<'a>(wish: Option<&str>, outputs: &'a [Port]) -> anyhow::Result<&'a Port> {
    let is_vector = |port: &&Port| match port.shape.as_slice() {
        [_, _] => true,
        [_, _, rows, columns] => *rows == Some(1) && *columns == Some(1),
        _ => false,
    };
    let all = || {
        let each = outputs.iter().map(|port| format!("`{}` {}", port.name, shown(&port.shape)));
        each.collect::<Vec<_>>().join(", ")
    };
    let Some(name) = wish else {
        let first = outputs.iter().find(is_vector);
        return first.with_context(|| format!("none of its outputs is one vector a picture: {}", all()));
    };
    let named = outputs.iter().find(|port| port.name == name);
    let named = named.with_context(|| {
        format!("`output = \"{name}\"` under `[embedding]` is no output of the model, which has {}", all())
    })?;
    ensure!(
        is_vector(&named),
        "`output = \"{name}\"` under `[embedding]` is {}, not one vector a picture: export the pooled features",
        shown(&named.shape)
    );
    Ok(named)
}

fn number(port: &Port, which: &str) -> anyhow::Result<Number> {
    match &port.number {
        Ok(number) => Ok(*number),
        Err(other) => bail!("its {which} `{}` is {other}: only f32 and f16 can be used", port.name),
    }
}

/// A shape for people: `? × 3 × 224 × 224`.
fn shown(shape: &[Option<usize>]) -> String {
    let each = shape.iter().map(|axis| axis.map_or("?".to_owned(), |length| length.to_string()));
    each.collect::<Vec<_>>().join(" × ")
}

#[cfg(test)]
mod tests;
