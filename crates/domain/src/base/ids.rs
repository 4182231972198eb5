//! Names of things: positive 64-bit numbers with a type each, and what is made up at random.

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
        #[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::BigInt))]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Stands for the number that the database will give.
            pub const UNSAVED: Self = Self(0);

            /// The id of a positive number.
            pub const fn new(number: i64) -> Option<Self> {
                if number > 0 { Some(Self(number)) } else { None }
            }

            /// The number.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $crate::input::Scalar for $name {
            fn read(given: $crate::input::RawValue) -> Result<Self, $crate::input::Invalid> {
                <i64 as $crate::input::Scalar>::read(given)
                    .ok()
                    .and_then(Self::new)
                    .ok_or_else(|| $crate::input::Invalid::value("must be a positive whole number"))
            }

            #[cfg(feature = "openapi")]
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                <Self as utoipa::PartialSchema>::schema()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                use utoipa::openapi::{KnownFormat, SchemaFormat, schema::Type};
                $crate::input::object(Type::Integer)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                    .minimum(Some(1_i32))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}

        #[cfg(feature = "diesel")]
        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::BigInt, DB> for $name
        where
            i64: diesel::serialize::ToSql<diesel::sql_types::BigInt, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                diesel::serialize::ToSql::<diesel::sql_types::BigInt, DB>::to_sql(&self.0, out)
            }
        }

        #[cfg(feature = "diesel")]
        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB> for $name
        where
            i64: diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB>,
        {
            fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                diesel::deserialize::FromSql::<diesel::sql_types::BigInt, DB>::from_sql(raw).map(Self)
            }
        }
    )*};
}

ids! {
    /// A person.
    UserId,
    /// A machine.
    EquipmentId,
    /// A version of a checklist.
    TemplateId,
    /// A question of a checklist.
    ItemId,
    /// An inspection.
    InspectionId,
    /// An answer in an inspection.
    AnswerId,
    /// A defect.
    DefectId,
    /// A notification.
    NotificationId,
    /// A line of the points ledger.
    PointEntryId,
    /// A line of the audit trail.
    AuditId,
    /// A change of a machine's status.
    StatusChangeId,
    /// A routine.
    RoutineId,
    /// A type of equipment that a routine is for.
    AssetTypeId,
    /// A daily list.
    ListId,
    /// An assignment: one machine of a daily list.
    AssignmentId,
    /// A final assessment of a machine.
    AssessmentId,
    /// A rating of an inspection.
    RatingId,
    /// A day of the week on which a machine is inspected.
    ScheduleId,
    /// A leave.
    LeaveId,
    /// Bonus stars.
    BonusId,
    /// An evidence file.
    FileId,
    /// A job.
    JobId,
    /// A pause of a job.
    PauseId,
    /// A request to take a job over.
    TakeoverId,
    /// A quality review of a job.
    ReviewId,
    /// A specialist's assessment of a defect.
    DefectAssessmentId,
    /// A run of a scheduled task.
    TaskRunId,
    /// A change that somebody follows.
    ChangeId,
    /// Something that was done offline.
    SyncId,
    /// A job in the outbox.
    OutboxId,
}

/// Makes up what must be unique or can't be guessed. The program has the system's randomness, tests
/// have a sequence they can repeat.
pub trait Ids: Send + Sync {
    /// A new id that nobody else has, in time order, as text.
    fn unique(&self) -> String;

    /// Sixteen bytes nobody can guess.
    fn random(&self) -> [u8; 16];
}
