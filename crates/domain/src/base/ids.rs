//! Typed primary keys, and the source of unique and random values.

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
            /// Placeholder for the key that the database assigns on insertion.
            pub const UNSAVED: Self = Self(0);

            /// The key with a positive number; `None` for any other.
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
    /// A user.
    UserId,
    /// A machine.
    EquipmentId,
    /// A checklist, in one version.
    TemplateId,
    /// A question of a checklist.
    ItemId,
    /// The questions of a checklist as drafts keep them.
    RevisionId,
    /// An inspection.
    InspectionId,
    /// An answer in an inspection.
    AnswerId,
    /// A defect.
    DefectId,
    /// A notification.
    NotificationId,
    /// An entry of the points ledger.
    PointEntryId,
    /// An entry of the audit trail.
    AuditId,
    /// A change of a machine's status.
    StatusChangeId,
    /// A routine.
    RoutineId,
    /// A type of equipment of a routine.
    AssetTypeId,
    /// A holiday.
    HolidayId,
    /// An entry of the roster.
    RosterEntryId,
    /// A daily list.
    ListId,
    /// An assignment.
    AssignmentId,
    /// A final assessment.
    AssessmentId,
    /// A rating of an inspection.
    RatingId,
    /// A weekly inspection day of a machine.
    ScheduleId,
    /// A leave.
    LeaveId,
    /// Bonus stars.
    BonusId,
    /// An evidence file.
    FileId,
    /// A job.
    JobId,
    /// An intervention in a job.
    InterventionId,
    /// A pause of a job.
    PauseId,
    /// A takeover request.
    TakeoverId,
    /// A quality review of a job.
    ReviewId,
    /// An assessment of a defect by its specialist.
    DefectAssessmentId,
    /// Primary key of an occurrence of a defect.
    OccurrenceId,
    /// A run of a scheduled task.
    TaskRunId,
    /// An entry of the change feed.
    ChangeId,
    /// An item of offline work.
    SyncId,
    /// A background job.
    OutboxId,
}

/// Source of unique and unpredictable values: system randomness in production, a repeatable
/// sequence in tests.
pub trait Ids: Send + Sync {
    /// A unique identifier; later ones sort after earlier ones.
    fn unique(&self) -> String;

    /// Sixteen unpredictable bytes.
    fn random(&self) -> [u8; 16];
}
