//! Pagination and sort order of lists.

use crate::input::{Invalid, RawValue, Scalar, input};

input! {
    /// Pagination parameters.
    pub struct PageQuery {
        /// Page number, from 1; 1 if absent.
        page: Option<u32>,
        /// Page size, 1 to 100; 20 if absent; larger values are reduced to 100.
        per_page: Option<u32>,
    }
}

/// Validated pagination parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Page number, from 1.
    pub page: u32,
    /// Page size, 1 to 100.
    pub per_page: u32,
}

impl PageRequest {
    /// The first page of a given size.
    pub const fn first(per_page: u32) -> Self {
        Self { page: 1, per_page }
    }

    /// The requested page of a complete list.
    pub fn of<T>(self, all: Vec<T>) -> Page<T> {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let before = usize::try_from(self.offset()).unwrap_or(usize::MAX);
        let length = usize::try_from(self.per_page).unwrap_or(usize::MAX);
        Page { items: all.into_iter().skip(before).take(length).collect(), total, request: self }
    }

    /// Number of elements before the page.
    pub fn offset(self) -> i64 {
        (i64::from(self.page) - 1) * i64::from(self.per_page)
    }
}

impl TryFrom<PageQuery> for PageRequest {
    type Error = Invalid;

    fn try_from(query: PageQuery) -> Result<Self, Invalid> {
        let mut errors = Invalid::default();
        let page = query.page.unwrap_or(1);
        let per_page = query.per_page.unwrap_or(20).min(100);
        if page == 0 {
            errors.extend(Invalid::field("page", "must be at least 1"));
        }
        if per_page == 0 {
            errors.extend(Invalid::field("per_page", "must be at least 1"));
        }
        errors.into_result().map(|()| Self { page, per_page })
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// Elements of the page.
    pub items: Vec<T>,
    /// Number of elements on all pages.
    pub total: i64,
    /// Parameters of the page.
    pub request: PageRequest,
}

impl<T> Page<T> {
    /// Converts every element.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), total: self.total, request: self.request }
    }

    /// Number of pages.
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

    #[test]
    fn page_sizes_are_clamped_and_zero_is_refused() {
        let request = |page, per_page| PageRequest::try_from(PageQuery { page, per_page });
        assert_eq!(request(None, None), Ok(PageRequest { page: 1, per_page: 20 }));
        assert_eq!(request(Some(3), Some(4000)).map(|p| (p.per_page, p.offset())), Ok((100, 200)));
        assert!(request(Some(0), None).is_err());
        assert!(request(None, Some(0)).is_err());
        assert_eq!(
            request(Some(u32::MAX), None).map(PageRequest::offset),
            Ok(20 * (i64::from(u32::MAX) - 1))
        );
    }

    #[test]
    fn an_empty_list_has_no_pages() {
        let page = |total| Page::<()> { items: vec![], total, request: PageRequest::first(20) }.pages();
        assert_eq!((page(0), page(1), page(20), page(21)), (0, 1, 1, 2));
    }
}
