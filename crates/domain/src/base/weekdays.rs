//! Days of the week and sets of them.

use serde::{Serialize, Serializer};

use crate::input::{Invalid, RawValue, Scalar, ValueList};

/// English and Arabic names, from Monday.
const NAMES: [[&str; 2]; 7] = [
    ["Monday", "الاثنين"],
    ["Tuesday", "الثلاثاء"],
    ["Wednesday", "الأربعاء"],
    ["Thursday", "الخميس"],
    ["Friday", "الجمعة"],
    ["Saturday", "السبت"],
    ["Sunday", "الأحد"],
];

/// A day of the week from 0 (Monday) to 6 (Sunday). English names are accepted on input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Integer))]
#[serde(transparent)]
pub struct DayOfWeek(i8);

impl DayOfWeek {
    /// All days, from Monday.
    pub const ALL: [Self; 7] = [Self(0), Self(1), Self(2), Self(3), Self(4), Self(5), Self(6)];

    pub(crate) const fn from_monday(days: i8) -> Self {
        Self(days)
    }

    /// Number of days since Monday.
    pub const fn get(self) -> i8 {
        self.0
    }

    fn names(self) -> [&'static str; 2] {
        NAMES.into_iter().zip(Self::ALL).find(|(_, day)| *day == self).map_or([""; 2], |(names, _)| names)
    }

    /// English name.
    pub fn name(self) -> &'static str {
        let [english, _] = self.names();
        english
    }

    /// Arabic name.
    pub fn name_ar(self) -> &'static str {
        let [_, arabic] = self.names();
        arabic
    }
}

impl Scalar for DayOfWeek {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let day = match &given {
            RawValue::Json(serde_json::Value::String(text)) | RawValue::Text(text) => {
                let number =
                    Some(text.trim()).filter(|digit| digit.len() == 1).and_then(|digit| digit.parse().ok());
                Self::ALL.into_iter().find(|day| {
                    number == Some(day.0)
                        || text.eq_ignore_ascii_case(day.name())
                        || day.name().get(..3).is_some_and(|short| text.eq_ignore_ascii_case(short))
                })
            }
            RawValue::Json(value) => crate::input::whole(value)
                .and_then(|number| Self::ALL.into_iter().find(|day| i64::from(day.0) == number)),
        };
        day.ok_or_else(|| Invalid::value("must be a day of the week, 0 (Monday) to 6 (Sunday) or its name"))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{OneOfBuilder, schema::Type};
        let name = crate::input::object(Type::String)
            .description(Some("Its name, or the first three letters of it, in any case."))
            .min_length(Some(1))
            .max_length(Some(9));
        OneOfBuilder::new().item(<Self as utoipa::PartialSchema>::schema()).item(name).into()
    }
}

/// A set of days of the week; serialised as the sorted list of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Integer))]
pub struct DaysOfWeek(i32);

impl DaysOfWeek {
    /// Whether the set contains a day.
    pub fn contains(self, day: DayOfWeek) -> bool {
        self.0 & (1 << day.0) != 0
    }

    /// The days in the set, from Monday.
    pub fn days(self) -> Vec<DayOfWeek> {
        DayOfWeek::ALL.into_iter().filter(|day| self.contains(*day)).collect()
    }
}

impl FromIterator<DayOfWeek> for DaysOfWeek {
    fn from_iter<I: IntoIterator<Item = DayOfWeek>>(days: I) -> Self {
        Self(days.into_iter().fold(0, |bits, day| bits | 1 << day.0))
    }
}

impl Serialize for DaysOfWeek {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.days().serialize(serializer)
    }
}

impl Scalar for DaysOfWeek {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        ValueList::<DayOfWeek, 0, 7>::read(given).map(|days| days.0.into_iter().collect())
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        ValueList::<DayOfWeek, 0, 7>::schema()
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use utoipa::openapi::{ArrayBuilder, RefOr, Schema, schema::Type};

    impl utoipa::PartialSchema for super::DayOfWeek {
        fn schema() -> RefOr<Schema> {
            crate::input::object(Type::Integer).minimum(Some(0)).maximum(Some(6)).into()
        }
    }
    impl utoipa::ToSchema for super::DayOfWeek {}

    impl utoipa::PartialSchema for super::DaysOfWeek {
        fn schema() -> RefOr<Schema> {
            let day = <super::DayOfWeek as utoipa::PartialSchema>::schema();
            ArrayBuilder::new().items(day).max_items(Some(7)).into()
        }
    }
    impl utoipa::ToSchema for super::DaysOfWeek {}
}

#[cfg(feature = "diesel")]
mod rows {
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    use diesel::serialize::{self, Output, ToSql};
    use diesel::{
        backend::Backend,
        deserialize::{self, FromSql},
        sql_types::Integer,
    };

    use super::{DayOfWeek, DaysOfWeek};

    macro_rules! integers {
        ($($name:ident: $bound:expr;)*) => {$(
            #[cfg(feature = "postgres")]
            impl ToSql<Integer, diesel::pg::Pg> for $name {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::pg::Pg>) -> serialize::Result {
                    ToSql::<Integer, diesel::pg::Pg>::to_sql(&i32::from(self.0), &mut out.reborrow())
                }
            }

            #[cfg(feature = "sqlite")]
            impl ToSql<Integer, diesel::sqlite::Sqlite> for $name {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::sqlite::Sqlite>) -> serialize::Result {
                    out.set_value(i32::from(self.0));
                    Ok(serialize::IsNull::No)
                }
            }

            impl<DB: Backend> FromSql<Integer, DB> for $name
            where
                i32: FromSql<Integer, DB>,
            {
                fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
                    let number = <i32 as FromSql<Integer, DB>>::from_sql(raw)?;
                    if !(0..=$bound).contains(&number) {
                        return Err(format!("{number} is not a {}", stringify!($name)).into());
                    }
                    Ok(Self(number.try_into()?))
                }
            }
        )*};
    }

    integers! {
        DayOfWeek: 6;
        DaysOfWeek: 127;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Rule;
    use serde_json::json;

    #[test]
    fn days_are_numbers_or_names() {
        let read = |value| DayOfWeek::read(RawValue::Json(value)).map(DayOfWeek::get);
        for (value, day) in
            [(json!(0), 0), (json!(6), 6), (json!("Monday"), 0), (json!("SUN"), 6), (json!("3"), 3)]
        {
            assert_eq!(read(value), Ok(day));
        }
        for wrong in [json!(7), json!(-1), json!(1.5), json!("Moonday"), json!(""), json!(null), json!([0])] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_set_has_every_day_once_and_in_order() {
        let set = DaysOfWeek::read(RawValue::Json(json!([6, "monday", 0, 4]))).expect("days");
        assert_eq!(serde_json::to_value(set).expect("json"), json!([0, 4, 6]));
        assert!(DayOfWeek::ALL.into_iter().all(|day| set.contains(day) == [0, 4, 6].contains(&day.get())));
        assert_eq!(DaysOfWeek::read(RawValue::Json(json!([]))), Ok(DaysOfWeek::default()));
        let wrong = DaysOfWeek::read(RawValue::Json(json!([0, 9]))).expect_err("refused").at("days_of_week");
        assert_eq!(wrong.fields()[0].field, "days_of_week[1]");
    }

    #[test]
    fn every_day_has_a_name_in_both_languages() {
        use crate::text::Language;
        assert!(DayOfWeek::ALL.iter().all(|day| Language::of(day.name()) == Language::En));
        assert!(DayOfWeek::ALL.iter().all(|day| Language::of(day.name_ar()) == Language::Ar));
    }
}
