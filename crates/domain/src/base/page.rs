//! Pagination and sort order of lists.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    input::{Integer, Invalid, RawValue, Scalar, input, text_enum},
    text::Text,
};

/// The number of elements up to which a list is counted exactly.
pub const COUNTED_EXACTLY: i64 = 10_000;

text_enum! {
    /// How the elements of a list are counted. By default, the total is exact up to 10,000 and an
    /// estimate beyond.
    pub enum Counting {
        /// Exactly, however many there are.
        Exact = "exact",
        /// Not at all.
        None = "none",
    }
}

/// A number of pages or elements.
type Count = Integer<1, 4_294_967_295>;

input! {
    /// Pagination parameters.
    pub struct PageQuery {
        /// Page number, from 1; 1 if absent. Excludes `cursor`.
        page: Option<Count>,
        /// Page size, 1 to 100; 20 if absent; larger values are reduced to 100.
        per_page: Option<Count>,
        /// `next_cursor` of a page of the same list, with the same filters and order: the page
        /// after it, in the same time however deep it is. Excludes `page`.
        cursor: Option<Text<4000>>,
        /// `exact` counts all elements, `none` counts none. If absent, the total is exact up to
        /// 10,000 elements and an estimate beyond.
        count: Option<Counting>,
    }
}

impl PageQuery {
    /// The validated parameters. `open` returns the position of a cursor that is valid for the
    /// list.
    pub fn validate(self, open: impl FnOnce(&str) -> Option<Position>) -> Result<PageRequest, Invalid> {
        let mut errors = Invalid::default();
        let number = |count: Count| u32::try_from(count.get()).unwrap_or(u32::MAX);
        let per_page = self.per_page.map_or(20, number).min(100);
        if self.page.is_some() && self.cursor.is_some() {
            errors.extend(Invalid::field("page", "cannot be combined with cursor"));
        }
        let after = self.cursor.as_ref().and_then(|cursor| open(cursor));
        if self.cursor.is_some() && after.is_none() {
            errors.extend(Position::invalid());
        }
        let page = after.as_ref().map_or(self.page.map_or(1, number), |after| after.page);
        errors.into_result().map(|()| PageRequest { page, per_page, after, count: self.count })
    }
}

/// The place between two pages of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Number of the page that begins here.
    pub page: u32,
    /// The last element before it: its values in the columns of the order.
    pub last: Vec<Value>,
}

impl Position {
    /// The refusal of a forged cursor, and of one of another list.
    pub fn invalid() -> Invalid {
        Invalid::field("cursor", "is no cursor of this list with these filters and this order")
    }

    /// The value in a column of the order, which `of` reads from a row.
    pub fn value<R, K: DeserializeOwned>(&self, column: usize, of: impl Fn(&R) -> K) -> Result<K, Invalid> {
        let _ = of;
        let value = self.last.get(column).cloned().ok_or_else(Self::invalid)?;
        serde_json::from_value(value).map_err(|_| Self::invalid())
    }
}

/// A value of a [`Position`].
pub fn position_value(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Validated pagination parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Page number, from 1.
    pub page: u32,
    /// Page size, 1 to 100.
    pub per_page: u32,
    /// Position before the page, if a cursor names it instead of the page number.
    pub after: Option<Position>,
    /// How the elements are counted.
    pub count: Option<Counting>,
}

impl PageRequest {
    /// A page of a given number and size.
    pub const fn new(page: u32, per_page: u32) -> Self {
        Self { page, per_page, after: None, count: None }
    }

    /// The first page of a given size.
    pub const fn first(per_page: u32) -> Self {
        Self::new(1, per_page)
    }

    /// The smallest page, for lists of which only the exact total is used.
    pub const fn total_only() -> Self {
        Self { page: 1, per_page: 1, after: None, count: Some(Counting::Exact) }
    }

    /// The requested page of a complete list. `key` identifies an element.
    pub fn of<T, K: Serialize>(self, mut all: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let total = Total::exact(i64::try_from(all.len()).unwrap_or(i64::MAX));
        let offset = match &self.after {
            None => usize::try_from(self.offset()).unwrap_or(usize::MAX),
            // Behind the last element; where it was, if it is gone.
            Some(after) => {
                let last = after.last.first();
                let found = all.iter().position(|item| Some(&position_value(&key(item))) == last);
                let place = after.last.get(1).and_then(Value::as_u64).unwrap_or(0);
                found.map_or_else(|| usize::try_from(place).unwrap_or(usize::MAX), |found| found + 1)
            }
        };
        let rows = all.split_off(offset.min(all.len()));
        let length = usize::try_from(self.per_page).unwrap_or(usize::MAX);
        let end = offset.saturating_add(length).saturating_sub(1);
        let rows = rows.into_iter().take(length.saturating_add(1)).collect();
        Page::new(self, rows, total, |last| vec![position_value(&key(last)), position_value(&end)])
    }

    /// Number of elements before the page; 0 if it begins at a position.
    pub fn offset(&self) -> i64 {
        if self.after.is_some() { 0 } else { (i64::from(self.page) - 1) * i64::from(self.per_page) }
    }

    /// Number of rows to load: one more than the page has, so that its end is known.
    pub fn limit(&self) -> i64 {
        i64::from(self.per_page) + 1
    }

    /// The total of a list of which `loaded` rows of this page were loaded, if the page shows the
    /// end of the list.
    pub fn total_at_end(&self, loaded: usize) -> Option<Total> {
        let loaded = i64::try_from(loaded).unwrap_or(i64::MAX);
        let is_end = loaded < self.limit() && (loaded > 0 || self.page == 1);
        // Behind a cursor, the number of rows before the page is unknown.
        (is_end && self.after.is_none() && self.count != Some(Counting::None))
            .then(|| Total::exact(self.offset() + loaded))
    }
}

/// The number of elements of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// The number; 0 if they aren't counted.
    pub number: i64,
    /// Accuracy of the number.
    pub known: Known,
}

/// Accuracy of the number of elements of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Exactly.
    Exactly,
    /// As an estimate.
    Estimated,
    /// Not at all.
    Not,
}

impl Total {
    /// A total that isn't counted.
    pub const NOT_COUNTED: Self = Self { number: 0, known: Known::Not };

    /// An exact total.
    pub const fn exact(number: i64) -> Self {
        Self { number, known: Known::Exactly }
    }

    /// An estimate of a total that exceeds [`COUNTED_EXACTLY`].
    pub fn estimated(number: i64) -> Self {
        Self { number: number.max(COUNTED_EXACTLY + 1), known: Known::Estimated }
    }

    /// An estimate that agrees with a page: the rows before it, its own, and the next one exist.
    fn at_least(self, request: &PageRequest, rows: usize, has_next: bool) -> Self {
        let own = i64::try_from(rows).unwrap_or(i64::MAX);
        if self.known != Known::Estimated || own == 0 {
            return self;
        }
        let before = (i64::from(request.page) - 1) * i64::from(request.per_page);
        Self { number: self.number.max(before + own + i64::from(has_next)), ..self }
    }

    /// The total of two lists.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let known = match (self.known, other.known) {
            (Known::Not, _) | (_, Known::Not) => return Self::NOT_COUNTED,
            (Known::Exactly, Known::Exactly) => Known::Exactly,
            _ => Known::Estimated,
        };
        Self { number: self.number + other.number, known }
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Elements of the page.
    pub items: Vec<T>,
    /// Number of elements on all pages, as far as `known` says.
    pub total: i64,
    /// Accuracy of the total.
    pub known: Known,
    /// Position before the next page; `None` on the last page.
    pub next: Option<Position>,
    /// Parameters of the page.
    pub request: PageRequest,
}

impl<T> Page<T> {
    /// A page of the loaded rows, of which the last is that of the next page if there are
    /// [`limit`](PageRequest::limit). `key` returns the values of a row in the columns of the
    /// order.
    pub fn new(
        request: PageRequest,
        mut rows: Vec<T>,
        total: Total,
        key: impl FnOnce(&T) -> Vec<Value>,
    ) -> Self {
        let length = usize::try_from(request.per_page).unwrap_or(usize::MAX);
        let has_next = rows.len() > length;
        rows.truncate(length);
        let last = rows.last().filter(|_| has_next);
        let next = last.map(|last| Position { page: request.page.saturating_add(1), last: key(last) });
        let total = total.at_least(&request, rows.len(), has_next);
        Self { items: rows, total: total.number, known: total.known, next, request }
    }

    /// Converts every element.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, total, known, next, request } = self;
        Page { items: items.into_iter().map(change).collect(), total, known, next, request }
    }

    /// The page with other elements in the place of its own.
    pub fn with_items<U>(self, items: Vec<U>) -> Page<U> {
        let Self { items: _, total, known, next, request } = self;
        Page { items, total, known, next, request }
    }

    /// Number of pages, as far as the total is known.
    pub fn pages(&self) -> i64 {
        let size = i64::from(self.request.per_page);
        (self.total + size - 1) / size
    }
}

/// A sort order: ascending (`field`) or descending (`-field`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort<T> {
    /// Sort key.
    pub by: T,
    /// Whether the order is descending.
    pub descending: bool,
}

impl<T: Scalar> Scalar for Sort<T> {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let text = given.text()?;
        let (name, descending) = text.strip_prefix('-').map_or((text.as_str(), false), |name| (name, true));
        T::read(RawValue::Text(name.to_owned())).map(|by| Self { by, descending })
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{RefOr, Schema};
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            let names: Vec<_> = object.enum_values.iter().flatten().filter_map(|v| v.as_str()).collect();
            let both: Vec<_> = names
                .iter()
                .flat_map(|name| [(*name).to_owned(), format!("-{name}")])
                .map(Into::into)
                .collect();
            object.enum_values = Some(both);
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rule;

    fn count(number: u32) -> Result<Count, Invalid> {
        Count::read(RawValue::Text(number.to_string()))
    }

    fn request(page: Option<u32>, per_page: Option<u32>) -> Result<PageRequest, Invalid> {
        let [page, per_page] = [page, per_page].map(|number| number.map(count).transpose());
        let (page, per_page) = (page?, per_page?);
        PageQuery { page, per_page, cursor: None, count: None }.validate(|_| None)
    }

    #[test]
    fn page_sizes_are_clamped_and_zero_is_refused() {
        assert_eq!(request(None, None), Ok(PageRequest::first(20)));
        assert_eq!(request(Some(3), Some(4000)).map(|p| (p.per_page, p.offset())), Ok((100, 200)));
        assert!(request(Some(0), None).is_err());
        assert!(request(None, Some(0)).is_err());
        assert_eq!(
            request(Some(u32::MAX), None).map(|page| page.offset()),
            Ok(20 * (i64::from(u32::MAX) - 1))
        );
    }

    #[test]
    fn a_cursor_excludes_a_page_and_must_be_valid() {
        let position = Position { page: 7, last: vec![Value::from("x")] };
        let cursor = |page: Option<u32>, opened: Option<&Position>| {
            let page = page.and_then(|page| count(page).ok());
            let cursor = Text::read(RawValue::Text("c".into())).ok();
            PageQuery { page, per_page: None, cursor, count: None }
                .validate(|_| opened.cloned())
                .map_err(|errors| errors.fields().into_iter().map(|error| error.field).collect::<Vec<_>>())
        };
        let request = cursor(None, Some(&position)).expect("valid");
        assert_eq!((request.page, request.offset(), request.after), (7, 0, Some(position.clone())));
        assert_eq!(cursor(Some(2), Some(&position)), Err(vec!["page".to_owned()]));
        assert_eq!(cursor(None, None), Err(vec!["cursor".to_owned()]));
    }

    #[test]
    fn an_empty_list_has_no_pages() {
        let page =
            |total| Page::<()>::new(PageRequest::first(20), vec![], Total::exact(total), |()| vec![]).pages();
        assert_eq!((page(0), page(1), page(20), page(21)), (0, 1, 1, 2));
    }

    #[test]
    fn a_complete_list_is_walked_by_position_even_if_the_last_element_is_gone() {
        let page = |all: &[u32], after: Option<Position>| {
            let page = after.as_ref().map_or(1, |after| after.page);
            let request = PageRequest { page, per_page: 2, after, count: None };
            let page = request.of(all.to_vec(), |number| *number);
            (page.items, page.next)
        };
        let (first, next) = page(&[5, 4, 3, 2, 1], None);
        assert_eq!((first, next.as_ref().map(|next| next.page)), (vec![5, 4], Some(2)));
        let (second, last) = page(&[9, 5, 4, 3, 2, 1], next.clone());
        assert_eq!(second, [3, 2]);
        assert_eq!(page(&[9, 5, 4, 3, 2, 1], last), (vec![1], None));
        assert_eq!(page(&[5, 3, 2, 1], next).0, [3, 2], "4 is gone");
    }

    #[test]
    fn an_estimate_agrees_with_the_page() {
        let page = |number: u32, rows: usize, total: Total| {
            let page =
                Page::new(PageRequest::new(number, 20), vec![7; rows], total, |row| vec![(*row).into()]);
            (page.total, page.pages(), page.next.is_some())
        };
        let low = Total::estimated(0);
        assert_eq!(page(1, 21, low), (10_001, 501, true));
        assert_eq!(page(501, 21, low), (10_021, 502, true), "a next page exists");
        assert_eq!(page(600, 7, low), (11_987, 600, false));
        assert_eq!(page(900, 0, low), (10_001, 501, false), "a page beyond the end proves nothing");
        assert_eq!(page(2, 5, Total::exact(25)), (25, 2, false));
        assert_eq!(page(2, 21, Total::NOT_COUNTED).0, 0);
    }

    #[test]
    fn a_page_that_shows_the_end_tells_the_total() {
        let request = |number| PageRequest::new(number, 20);
        let total = |request: PageRequest, loaded| request.total_at_end(loaded).map(|total| total.number);
        assert_eq!(total(request(1), 0), Some(0));
        assert_eq!(total(request(3), 20), Some(60));
        assert_eq!(total(request(3), 21), None, "another page follows");
        assert_eq!(total(request(3), 0), None, "the list ended before");
        let after = Some(Position { page: 3, last: vec![] });
        assert_eq!(total(PageRequest { after, ..request(3) }, 5), None, "rows before it may have gone");
        assert_eq!(total(PageRequest { count: Some(Counting::None), ..request(1) }, 5), None);
    }

    #[test]
    fn totals_add_up_as_far_as_they_are_known() {
        let estimated = Total::estimated(500);
        assert_eq!(estimated.number, COUNTED_EXACTLY + 1, "it exceeds what is counted exactly");
        assert_eq!(Total::exact(1).plus(Total::exact(2)), Total::exact(3));
        assert_eq!(Total::exact(1).plus(estimated).known, Known::Estimated);
        assert_eq!(estimated.plus(Total::NOT_COUNTED), Total::NOT_COUNTED);
    }
}
