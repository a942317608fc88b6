//! The images of a product: the first and its further views, from cells that hold one or several. This room refuses to look for a file.

use std::borrow::Cow;

use serde::Serialize;

use super::assembly::Cell;

/// Where a catalog has the images of a product beside the one in `image`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FurtherImages {
    /// The columns that hold further images.
    pub columns: Vec<String>,
    /// What stands between the images of one cell; `None` takes the text of a cell as one image.
    pub separator: Option<char>,
}

/// Images that were found so far, each once, in order.
#[derive(Debug, Default)]
pub(super) struct Images(Vec<String>);

impl Images {
    /// Adds the images of a cell: one, or the texts of a list.
    pub(super) fn add(&mut self, cell: &Cell<'_>, separator: Option<char>) -> Result<(), &'static str> {
        const NO_TEXT: &str = "is neither text nor a list of texts";
        match cell {
            Cell::Empty => {}
            Cell::Text(text) | Cell::Number(text) => match separator {
                Some(separator) => text.split(separator).for_each(|image| self.push(image)),
                None => self.push(text),
            },
            Cell::Texts(texts) => texts.iter().for_each(|image| self.push(image)),
            Cell::Nested(json) => {
                let texts: Vec<Option<Cow<'_, str>>> = serde_json::from_str(json).map_err(|_| NO_TEXT)?;
                texts.iter().flatten().for_each(|image| self.push(image));
            }
            Cell::Vector(_) | Cell::Placed(_) => return Err(NO_TEXT),
        }
        Ok(())
    }

    fn push(&mut self, image: &str) {
        let image = image.trim();
        if !image.is_empty() && !self.0.iter().any(|known| known == image) {
            self.0.push(image.to_owned());
        }
    }

    /// What an earlier row of the product brought comes first.
    pub(super) fn after(self, (image, further): (Option<String>, Box<[String]>)) -> Images {
        let mut all = Images(image.into_iter().chain(further).collect());
        self.0.iter().for_each(|image| all.push(image));
        all
    }

    /// The first image and the others.
    pub(super) fn split(self) -> (Option<String>, Box<[String]>) {
        let mut images = self.0.into_iter();
        (images.next(), images.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::FurtherImages;
    use crate::catalog::Catalog;
    use crate::catalog::testing::{read_with, reasons};

    fn read(text: &str, columns: &[&str], separator: Option<char>) -> Catalog {
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        read_with(text, |source| source.further_images = FurtherImages { columns, separator }).unwrap()
    }

    /// The images of each product, in their order.
    fn images(catalog: &Catalog) -> Vec<Vec<&str>> {
        assert!(catalog.products.iter().all(|product| product.image.is_some() || product.further_images.is_empty()));
        let all =
            catalog.products.iter().map(|p| p.image.iter().chain(&p.further_images).map(String::as_str).collect());
        all.collect()
    }

    #[test]
    fn columns_bring_one_image_or_several() {
        let text =
            "id,image,Second,third\na,a 1.jpg,a2.jpg,a3.jpg\nb,, b2.jpg ,\nc,\"c1.jpg, c2.jpg,\",c2.jpg,c3.jpg\nd,,,\n";
        let catalog = read(text, &["second", "third"], None);
        let plain = ["c1.jpg, c2.jpg,", "c2.jpg", "c3.jpg"];
        assert_eq!(images(&catalog), [&["a 1.jpg", "a2.jpg", "a3.jpg"][..], &["b2.jpg"], &plain, &[]]);
        let catalog = read(text, &["third", "second"], Some(','));
        let split = ["c1.jpg", "c2.jpg", "c3.jpg"];
        assert_eq!(images(&catalog), [&["a 1.jpg", "a3.jpg", "a2.jpg"][..], &["b2.jpg"], &split, &[]]);
        assert_eq!(images(&read(text, &[], Some(',')))[2], ["c1.jpg", "c2.jpg"]);
    }

    #[test]
    fn rows_that_hold_an_image_alone_belong_to_their_product() {
        let text = "id,title,price,image,more,note\na,A,5,a1.jpg,,x\na, ,,a2.jpg,,seen by nobody\nb,B,6,,,\nb,,,b1.jpg,b2.jpg,\n\
            a,,,,a3.jpg,\na,,5,a4.jpg,,\na,,,,,\nb,,,b2.jpg,,\n";
        let catalog = read(text, &["more"], None);
        assert_eq!(images(&catalog), [["a1.jpg", "a2.jpg", "a3.jpg"].as_slice(), &["b1.jpg", "b2.jpg"]]);
        assert_eq!(reasons(&catalog), [(6, Some("a"), "duplicate_id"), (7, Some("a"), "duplicate_id")]);
        assert!(catalog.rejects[0].detail.contains("row 1"), "{}", catalog.rejects[0].detail);
        assert_eq!((catalog.products.len(), catalog.rows), (2, 8));
    }

    #[test]
    fn a_json_list_is_a_list_of_images() {
        let text = "{\"id\": 1, \"image\": [\"a.jpg\", null, \" \", \"b, c.jpg\"]}\n{\"id\": 1, \"image\": \"d.jpg\"}\n\
            {\"id\": 2, \"image\": \"e.jpg\", \"more\": [{\"src\": \"f.jpg\"}]}\n{\"id\": 3, \"more\": [\"g.jpg\"]}\n";
        let catalog = read(text, &["more"], None);
        assert_eq!(images(&catalog), [&["a.jpg", "b, c.jpg", "d.jpg"][..], &["e.jpg"], &["g.jpg"]]);
        assert_eq!(reasons(&catalog), [(3, Some("2"), "not_text")]);
        assert!(catalog.rejects[0].detail.contains("`more`"), "{}", catalog.rejects[0].detail);
    }

    #[test]
    fn a_further_column_that_is_not_there_is_named() {
        let further = FurtherImages { columns: vec!["back".to_owned()], separator: None };
        let cause = read_with("id,image\n1,a.jpg\n", |source| source.further_images = further).unwrap_err();
        assert!(cause.exit_code() == 2 && cause.to_string().contains("`further_images`"), "{cause}");
        assert!(cause.to_string().contains("`back`") && cause.to_string().contains("`image`"), "{cause}");
    }
}
