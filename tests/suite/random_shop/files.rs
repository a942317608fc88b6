//! The files that a configuration names: the catalog as JSON Lines, orders and merchandising as CSV. Refuses texts that
//! would have to be quoted or escaped.

use std::fmt::Write as _;
use std::path::Path;

use rust_decimal::Decimal;

use super::to_toml;
use crate::oracle::shop::{Action, MerchandisingRow, OracleProduct, OracleShop, Orders};

/// Everything that a night reads, into a folder.
pub fn write_files(shop: &OracleShop, folder: &Path) {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).expect("written");
    write("twinset.toml", to_toml(shop));
    write("products.jsonl", to_jsonl(&shop.products));
    if let Some(orders) = &shop.orders {
        write("orders.csv", orders_csv(orders));
    }
    if !shop.merchandising.is_empty() {
        write("merchandising.csv", merchandising_csv(&shop.merchandising));
    }
}

/// The catalog as JSON Lines: every key in every row, null where there is nothing; amounts as JSON numbers in decimal
/// text; vector components so that reading them as f64 or as f32 gives the same f32 back. A catalog with the attribute
/// `stock` has no flag beside it.
fn to_jsonl(products: &[OracleProduct]) -> String {
    let mut text = String::new();
    for product in products {
        let vector = product.vector.as_ref().map(|vector| vector.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>());
        let mut fields = vec![
            ("id", quoted(Some(&product.id))),
            ("title", quoted(Some(&product.id))),
            ("category", quoted(product.category.as_ref())),
            ("price", number(product.price)),
            ("currency", quoted(product.currency.as_ref())),
            ("group_id", quoted(product.group.as_ref())),
            ("available_from", quoted(product.available_from.as_ref())),
            ("available_until", quoted(product.available_until.as_ref())),
            ("cost", number(product.cost)),
            ("margin", number(product.margin)),
        ];
        if product.attributes.iter().all(|(name, _)| name != "stock") {
            fields.push(("in_stock", product.in_stock.to_string()));
        }
        fields.extend(product.attributes.iter().map(|(name, value)| (name.as_str(), quoted(value.as_ref()))));
        fields.push(("embedding", vector.map_or_else(|| "null".to_owned(), |vector| format!("{vector:?}"))));
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        writeln!(text, "{{{}}}", fields.join(", ")).expect("a string takes any text");
    }
    text
}

/// A JSON string, or null. The texts made here hold nothing that JSON escapes.
fn quoted(text: Option<&String>) -> String {
    text.map_or_else(|| "null".to_owned(), |text| format!("\"{text}\""))
}

fn number(amount: Option<Decimal>) -> String {
    amount.map_or_else(|| "null".to_owned(), |amount| amount.to_string())
}

fn orders_csv(orders: &Orders) -> String {
    let mut text = String::from("order_id,product_id,date\n");
    for line in &orders.lines {
        let date = line.date.as_deref().unwrap_or_default();
        writeln!(text, "{},{},{date}", line.order, line.product).expect("a string takes any text");
    }
    text
}

fn merchandising_csv(rows: &[MerchandisingRow]) -> String {
    let mut text = String::from("action,product,rule,recommended,position,valid_from,valid_until\n");
    for row in rows {
        let action = match row.action {
            Action::Pin => "pin",
            Action::Block => "block",
        };
        let or_empty = |cell: Option<String>| cell.unwrap_or_default();
        let cells = [
            action.to_owned(),
            or_empty(row.product.clone()),
            or_empty(row.rule.clone()),
            row.recommended.clone(),
            or_empty(row.position.map(|position| position.to_string())),
            or_empty(row.valid_from.map(|day| day.to_string())),
            or_empty(row.valid_until.map(|day| day.to_string())),
        ];
        writeln!(text, "{}", cells.join(",")).expect("a string takes any text");
    }
    text
}
