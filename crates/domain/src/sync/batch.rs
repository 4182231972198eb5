//! Batches of offline items (rule book §15).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ClientId, NewSyncItem, SyncRule};
#[cfg(feature = "openapi")]
use crate::input::Input;
use crate::{
    input::{Invalid, RawValue, Scalar, input},
    message,
    time::Instant,
};

/// Maximum number of items in a batch.
const MAX_ITEMS: usize = 500;

/// Unparsed items of a batch, in order.
#[derive(Debug, Clone)]
pub struct Items(pub Vec<Value>);

impl Scalar for Items {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        match given {
            RawValue::Json(Value::Array(items)) if items.len() > MAX_ITEMS => {
                let (max, length) = (MAX_ITEMS, items.len());
                let message = message!("may have at most {max} items, not {length}", max, length);
                Err(Invalid::value(message))
            }
            RawValue::Json(Value::Array(items)) => match items.iter().position(|item| !item.is_object()) {
                Some(index) => Err(Invalid::value(message!(
                    "must be a list of objects, but element {index} is not one",
                    index,
                ))),
                None => Ok(Self(items)),
            },
            _ => Err(Invalid::value("must be a list")),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{
            ArrayBuilder, Ref,
            schema::{AdditionalProperties, AnyOfBuilder},
        };
        let other = crate::input::object(utoipa::openapi::schema::Type::Object)
            .description(Some("Any other object is rejected by itself."))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)));
        let item = AnyOfBuilder::new().item(Ref::from_schema_name(NewSyncItem::NAME)).item(other);
        ArrayBuilder::new()
            .items(item)
            .max_items(Some(MAX_ITEMS))
            .examples([serde_json::json!([NewSyncItem::example()])])
            .into()
    }
}

input! {
    /// A batch of offline actions, in order.
    pub struct SyncBatch {
        /// The items.
        items: Items,
        /// Time of the sending by the client's clock. Its difference to the clock of the service
        /// corrects the times of the items.
        sent_at: Option<Instant>,
    }
}

/// The items of a batch so far that have no stored outcome, because they must be sent again. The
/// outcome of the items that follow from them is not final either.
#[derive(Debug, Default)]
pub struct Unsettled {
    items: BTreeSet<ClientId>,
    has_lost_race: bool,
}

impl Unsettled {
    /// Adds an item, or removes it if it has an outcome now.
    pub fn note(&mut self, client_id: Option<&str>, has_outcome: bool) {
        let Some(name) = client_id.and_then(ClientId::parse) else { return };
        if has_outcome {
            self.items.remove(&name);
        } else {
            self.items.insert(name);
        }
    }

    /// Notes that an item has lost its race. It may be the cause of later rejections, even if the
    /// later items don't refer to it: a job starts after its planned time is entered.
    pub fn note_lost_race(&mut self) {
        self.has_lost_race = true;
    }

    /// Checks that the rejection of an item is final: neither an item that it refers to nor a lost
    /// race may have caused it (§15). An item that refers to an applied one is not rejected for
    /// another one under the same name.
    pub fn may_reject(&self, item: &NewSyncItem) -> Result<(), SyncRule> {
        let refers = item.entity_data.references().iter().any(|(_, name, _)| self.items.contains(name));
        match (refers, self.has_lost_race) {
            (true, _) => Err(SyncRule::OfUnsettled),
            (false, true) => Err(SyncRule::AfterUnsettled),
            (false, false) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::input::Input;

    const NAME: &str = "0F8FAD5B-D9CB-469F-A165-70867728950E";

    fn item(data: Value) -> NewSyncItem {
        let body = json!({"client_id": NAME, "entity_type": "inspection_submit", "entity_data": data});
        NewSyncItem::from_json(body).expect("an item")
    }

    #[test]
    fn an_item_is_final_unless_it_follows_from_one_that_must_be_sent_again() {
        let mut unsettled = Unsettled::default();
        let named = item(json!({"inspection_client_id": NAME}));
        unsettled.note(None, false);
        unsettled.note(Some("7"), false);
        let other = item(json!({"inspection_id": 7}));
        assert_eq!((unsettled.may_reject(&named), unsettled.may_reject(&other)), (Ok(()), Ok(())));
        unsettled.note(Some(NAME), false);
        assert_eq!(unsettled.may_reject(&named), Err(SyncRule::OfUnsettled));
        assert_eq!(unsettled.may_reject(&other), Ok(()), "an item with a used client_id has no effect later");
        unsettled.note_lost_race();
        assert_eq!(unsettled.may_reject(&other), Err(SyncRule::AfterUnsettled));
        unsettled.note(Some(&NAME.to_lowercase()), true);
        assert_eq!(unsettled.may_reject(&named), Err(SyncRule::AfterUnsettled), "it was sent again");
    }

    #[test]
    fn a_batch_is_a_list_of_at_most_500_objects() {
        let read = |value: Value| Items::read(RawValue::Json(value)).map(|items| items.0.len());
        let items = |count| Value::Array(vec![json!({}); count]);
        assert_eq!((read(items(0)), read(items(499)), read(items(500))), (Ok(0), Ok(499), Ok(500)));
        for refused in [items(501), json!([{}, 1]), json!({}), json!("x")] {
            assert!(read(refused).is_err());
        }
        let second = read(json!([{}, 1])).expect_err("no object");
        assert!(second.to_string().contains("element 1"), "{second}");
    }
}
