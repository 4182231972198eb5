//! Macros that declare inputs and text enums.

/// Declares a command or filter as a struct whose fields are parsed and validated by their types.
///
/// A field may have aliases: `role_id | "employee_id": Option<Text<20>>`.
macro_rules! input {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident $(| $alias:literal)* : $type:ty ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name { $( $(#[doc = $doc])+ pub $field: $type, )+ }

        impl $crate::input::Input for $name {
            const NAME: &'static str = stringify!($name);

            fn read(source: &mut $crate::input::RawInput) -> Result<Self, $crate::input::Invalid> {
                let mut errors = $crate::input::Invalid::default();
                $(
                    let name = stringify!($field).trim_start_matches("r#");
                    let $field = errors.collect(
                        name,
                        <$type as $crate::input::Field>::from_input(source, &[name $(, $alias)*]),
                    );
                )+
                match ($($field,)+) {
                    ($(Some($field),)+) => Ok(Self { $($field,)+ }),
                    _ => Err(errors),
                }
            }

            #[cfg(feature = "openapi")]
            fn fields() -> Vec<$crate::input::FieldDoc> {
                vec![$(
                    $crate::input::FieldDoc {
                        name: stringify!($field).trim_start_matches("r#"),
                        doc: [$($doc),+].map(str::trim).join(" "),
                        required: <$type as $crate::input::Field>::REQUIRED,
                        schema: <$type as $crate::input::Field>::schema(),
                        takes_nothing: <$type as $crate::input::Field>::TAKES_NOTHING,
                        aliases: vec![$($alias),*],
                    },
                )+]
            }
        }
    };
}
pub(crate) use input;

/// Declares an enum with a fixed text per variant: in JSON, in the database and in the API
/// document.
///
/// A variant may have aliases that are accepted on input: `Numeric = "numeric" | "number"`.
macro_rules! text_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $text:literal $(| $alias:literal)* ),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
        #[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
        pub enum $name { $( $(#[$vmeta])* $variant, )+ }

        impl $name {
            /// Every variant in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Text in JSON and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Parses a text; `None` if no variant has it.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text $(| $alias)* => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::unknown_variant(&text, &[$($text,)+]))
            }
        }

        impl $crate::input::Scalar for $name {
            fn read(given: $crate::input::RawValue) -> Result<Self, $crate::input::Invalid> {
                let text = given.text()?;
                Self::parse(&text).ok_or_else(|| {
                    let values = concat!($(" ", $text,)+);
                    $crate::input::Invalid::value($crate::message!("must be one of{values}", values))
                })
            }

            #[cfg(feature = "openapi")]
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::input::object(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($text, $($alias,)*)+]))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::input::object(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($text,)+]))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }

        #[cfg(feature = "diesel")]
        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $name
        where
            str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                diesel::serialize::ToSql::<diesel::sql_types::Text, DB>::to_sql(self.as_str(), out)
            }
        }

        #[cfg(feature = "diesel")]
        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let text = <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(raw)?;
                Self::parse(&text)
                    .ok_or_else(|| format!("{text:?} is not a {}", stringify!($name)).into())
            }
        }
    };
}
pub(crate) use text_enum;

/// Stores a type as a JSON document in a text column.
#[cfg(feature = "diesel")]
macro_rules! stored_as_json {
    ($name:ty) => {
        #[cfg(feature = "postgres")]
        impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                std::io::Write::write_all(out, &serde_json::to_vec(self)?)?;
                Ok(diesel::serialize::IsNull::No)
            }
        }

        #[cfg(feature = "sqlite")]
        impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::sqlite::Sqlite> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::sqlite::Sqlite>,
            ) -> diesel::serialize::Result {
                out.set_value(serde_json::to_string(self)?);
                Ok(diesel::serialize::IsNull::No)
            }
        }

        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let text =
                    <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(raw)?;
                Ok(serde_json::from_str(&text)?)
            }
        }
    };
}
#[cfg(feature = "diesel")]
pub(crate) use stored_as_json;
