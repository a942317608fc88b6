//! What the demo shop sells: names, categories, price tiers, variants. The same every time.
//!
//! Prices are whole cents. This room refuses to draw and to write files.

mod clothing;
mod electronics;
mod home;
mod jewelry;

use super::chance::Chance;
use super::pictures::Picture;

/// A row of the shop's catalog.
#[derive(Clone, Debug)]
pub struct Item {
    pub id: String,
    pub title: String,
    pub category: &'static str,
    /// In cents.
    pub price: u32,
    /// In cents, lower than `price`.
    pub sale_price: Option<u32>,
    /// Variants of one design share it.
    pub group: Option<String>,
    pub brand: &'static str,
    pub in_stock: bool,
    pub gender: &'static str,
    pub material: &'static str,
    /// The file's name without its ending and what it shows; several items may share one.
    pub image: Option<(String, Picture)>,
}

/// Every item, in the order of the catalog.
pub fn assortment() -> Vec<Item> {
    let mut items = jewelry::items();
    items.extend(clothing::items());
    items.extend(home::items());
    items.extend(electronics::items());
    for item in &mut items {
        season(item);
    }
    items
}

/// An item at its full price, with its picture under its own name.
fn item(id: String, title: String, category: &'static str, price: u32, picture: Picture) -> Item {
    let image = Some((id.to_lowercase(), picture));
    Item {
        id,
        title,
        category,
        price,
        sale_price: None,
        group: None,
        brand: "",
        in_stock: true,
        gender: "",
        material: "",
        image,
    }
}

/// Sells out some items and reduces others. Services never sell out, and gold is never reduced.
fn season(item: &mut Item) {
    let mut chance = Chance::named(&item.id);
    item.in_stock = item.image.is_none() || !chance.percent(5);
    if item.image.is_some() && item.material != "gold" && chance.percent(9) {
        // 15 % off, ending in 5 or 0 cents.
        item.sale_price = Some(item.price * 85 / 500 * 5);
    }
}

/// A size of a variant: its code in the id, its word in the title.
fn size_names(size: super::pictures::Size) -> (&'static str, &'static str) {
    use super::pictures::Size;
    match size {
        Size::Small => ("S", "small"),
        Size::Medium => ("M", "medium"),
        Size::Large => ("L", "large"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn has_a_few_hundred_items_with_unique_ids() {
        let items = assortment();
        assert!((300..=400).contains(&items.len()), "{} items", items.len());
        let ids: BTreeSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids.len(), items.len());
    }

    #[test]
    fn every_necklace_has_earrings_and_a_ring_of_its_motif_and_metal() {
        let items = assortment();
        let set = |category: &str| -> BTreeSet<(String, &str)> {
            let pieces = items.iter().filter(|item| item.category == category);
            pieces.map(|item| (item.id.split('-').nth(1).unwrap().to_owned(), item.material)).collect()
        };
        let necklaces = set("Jewelry/Necklaces");
        assert_eq!(necklaces.len(), 16, "eight motifs in two metals");
        for category in ["Jewelry/Earrings", "Jewelry/Rings", "Jewelry/Bracelets"] {
            assert!(necklaces.is_subset(&set(category)), "{category}");
        }
    }

    #[test]
    fn gold_is_dearer_than_its_silver_twin_but_at_most_three_times() {
        let items = assortment();
        let price = |item: &Item| item.sale_price.unwrap_or(item.price);
        let by_id: BTreeMap<&str, &Item> = items.iter().map(|item| (item.id.as_str(), item)).collect();
        let gold: Vec<&Item> = items.iter().filter(|item| item.material == "gold").collect();
        assert!(gold.len() >= 40);
        for item in gold {
            let twin = by_id[item.id.replace("GOLD", "SILVER").as_str()];
            assert_eq!((twin.category, twin.material), (item.category, "silver"));
            assert!(price(item) > price(twin) && price(item) <= 3 * price(twin), "{}", item.id);
        }
    }

    #[test]
    fn warranties_cost_between_a_twentieth_and_a_fifth_of_every_phone() {
        let items = assortment();
        let of = |category: &str| -> Vec<&Item> { items.iter().filter(|item| item.category == category).collect() };
        let warranties = of("Electronics/Warranties");
        assert!(warranties.len() >= 3 && warranties.iter().all(|item| item.image.is_none()));
        for phone in of("Electronics/Phones") {
            for warranty in &warranties {
                let price = phone.sale_price.unwrap_or(phone.price);
                assert!(warranty.price * 20 >= price && warranty.price * 5 <= price, "{} {}", warranty.id, phone.id);
            }
        }
    }

    #[test]
    fn larger_posters_and_phones_with_more_storage_are_dearer_variants() {
        for category in ["Home/Posters", "Home/Vases", "Home/Rugs", "Electronics/Phones"] {
            let mut groups: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
            for item in assortment().into_iter().filter(|item| item.category == category) {
                groups.entry(item.group.unwrap()).or_default().insert(item.price);
            }
            assert!(!groups.is_empty());
            assert!(groups.values().all(|prices| prices.len() >= 2), "{category}: {groups:?}");
        }
    }

    #[test]
    fn a_few_are_out_of_stock_and_a_few_are_reduced() {
        let items = assortment();
        let sold_out = items.iter().filter(|item| !item.in_stock).count();
        let reduced: Vec<&Item> = items.iter().filter(|item| item.sale_price.is_some()).collect();
        assert!((5..40).contains(&sold_out), "{sold_out}");
        assert!((10..60).contains(&reduced.len()), "{}", reduced.len());
        assert!(reduced.iter().all(|item| item.sale_price.unwrap() < item.price));
    }
}
