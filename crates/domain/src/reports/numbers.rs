//! Building blocks of reports: structs of figures, and quotients.

/// Declares structs of figures.
macro_rules! numbers {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$doc:meta])+ $field:ident: $type:ty,)+ })*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, serde::Serialize)]
            #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
            pub struct $name { $($(#[$doc])+ pub $field: $type,)+ }
        )*
    };
}
pub(super) use numbers;

/// Quotient, rounded half up to one decimal; 0 if the divisor is 0.
#[expect(clippy::cast_precision_loss, reason = "numbers of this size are exact")]
pub(super) fn tenths(dividend: i64, divisor: i64) -> f64 {
    if divisor <= 0 {
        return 0.0;
    }
    let rounded = (i128::from(dividend) * 20 + i128::from(divisor)).div_euclid(i128::from(divisor) * 2);
    i64::try_from(rounded).unwrap_or(i64::MAX) as f64 / 10.0
}

#[cfg(test)]
mod tests {
    use super::tenths;

    #[test]
    fn quotients_are_rounded_to_a_tenth() {
        let cases =
            [(0, 0, 0.0), (1, 0, 0.0), (1, 3, 0.3), (2, 3, 0.7), (1, 20, 0.1), (1, 21, 0.0), (100, 4, 25.0)];
        for (dividend, divisor, expected) in cases {
            assert!((tenths(dividend, divisor) - expected).abs() < f64::EPSILON, "{dividend} / {divisor}");
        }
    }
}
