//! S3's usage types.
//!
//! AWS: <https://aws.amazon.com/s3/pricing/>. It has two prices each for what `Requests-Tier3`, `Standard-Retrieval-Bytes`
//! and `Bulk-Retrieval-Bytes` count: these have none here.

use crate::s3::model::object::StorageClass;
use crate::s3::tiering::AccessTier;
use kernel::meter::Kind;

const PRODUCT: &str = "AmazonS3";

const fn requests(usage_type: &'static str) -> Kind {
    Kind::new(PRODUCT, usage_type, "Requests")
}

const fn bytes(usage_type: &'static str) -> Kind {
    Kind::new(PRODUCT, usage_type, "Bytes")
}

/// At so many millionths of a dollar for a thousand.
const fn thousands(usage_type: &'static str, micros: u64) -> Kind {
    requests(usage_type).at(micros, 1_000)
}

/// At so many millionths of a dollar for a gigabyte.
const fn gigabytes(usage_type: &'static str, micros: u64) -> Kind {
    bytes(usage_type).at(micros, 1 << 30)
}

/// At so many millionths of a dollar for a gigabyte and a month.
const fn standing(usage_type: &'static str, micros: u64) -> Kind {
    Kind::hours(PRODUCT, usage_type, "Byte-Hours").at(micros, kernel::meter::GIGABYTE_MONTH)
}

/// From and to the internet.
pub(crate) static BYTES_IN: Kind = gigabytes("DataTransfer-In-Bytes", 0);
pub(crate) static BYTES_OUT: Kind = gigabytes("DataTransfer-Out-Bytes", 90_000);

pub(super) static TIER1: Kind = thousands("Requests-Tier1", 5_000);
pub(super) static TIER2: Kind = thousands("Requests-Tier2", 400);
static TIER3: Kind = requests("Requests-Tier3");
static TIER4: Kind = thousands("Requests-Tier4", 10_000);
static TIER5: Kind = thousands("Requests-Tier5", 0);
static TIER6: Kind = thousands("Requests-Tier6", 10_000_000);
static DEEP_TIER3: Kind = thousands("Requests-GDA-Tier3", 100_000);
static DEEP_TIER5: Kind = thousands("Requests-GDA-Tier5", 25_000);

static RETRIEVED_STANDARD: Kind = bytes("Standard-Retrieval-Bytes");
static RETRIEVED_BULK: Kind = bytes("Bulk-Retrieval-Bytes");
static RETRIEVED_EXPEDITED: Kind = gigabytes("Expedited-Retrieval-Bytes", 30_000);

/// Everything that S3 Standard keeps, and what it keeps for other classes.
pub(super) static STANDARD: Kind = standing("TimedStorage-ByteHrs", 23_000);
pub(super) static GLACIER_STAGING: Kind = standing("TimedStorage-GlacierStaging", 23_000);
pub(super) static DEEP_STAGING: Kind = standing("TimedStorage-GDA-Staging", 23_000);

/// The usage types of a storage class.
pub(super) struct OfClass {
    /// Requests that write.
    pub(super) tier1: Kind,
    /// All others.
    pub(super) tier2: Kind,
    pub(super) stored: Kind,
    /// In which operation's name.
    pub(super) stored_by: &'static str,
    /// What small objects are counted as beyond what they hold.
    pub(super) small: Option<(Kind, &'static str)>,
    /// Bytes that are read.
    retrieved: Option<Kind>,
    /// The operation in whose name a lifecycle rule brings an object here.
    moved_by: &'static str,
}

/// In the order of [`StorageClass::ALL`].
static CLASSES: [OfClass; 8] = [
    OfClass {
        tier1: thousands("Requests-Tier1", 5_000),
        tier2: thousands("Requests-Tier2", 400),
        stored: standing("TimedStorage-ByteHrs", 23_000),
        stored_by: "StandardStorage",
        small: None,
        retrieved: None,
        moved_by: "",
    },
    OfClass {
        tier1: thousands("Requests-Tier1", 5_000),
        tier2: thousands("Requests-Tier2", 400),
        stored: standing("TimedStorage-RRS-ByteHrs", 24_000),
        stored_by: "ReducedRedundancyStorage",
        small: None,
        retrieved: None,
        moved_by: "",
    },
    OfClass {
        tier1: thousands("Requests-SIA-Tier1", 10_000),
        tier2: thousands("Requests-SIA-Tier2", 1_000),
        stored: standing("TimedStorage-SIA-ByteHrs", 12_500),
        stored_by: "StandardIAStorage",
        small: Some((standing("TimedStorage-SIA-SmObjects", 12_500), "StandardIASizeOverhead")),
        retrieved: Some(gigabytes("Retrieval-SIA", 10_000)),
        moved_by: "S3-SIATransition",
    },
    OfClass {
        tier1: thousands("Requests-ZIA-Tier1", 10_000),
        tier2: thousands("Requests-ZIA-Tier2", 1_000),
        stored: standing("TimedStorage-ZIA-ByteHrs", 10_000),
        stored_by: "OneZoneIAStorage",
        small: Some((standing("TimedStorage-ZIA-SmObjects", 10_000), "OneZoneIASizeOverhead")),
        retrieved: Some(gigabytes("Retrieval-ZIA", 10_000)),
        moved_by: "S3-ZIATransition",
    },
    OfClass {
        tier1: thousands("Requests-INT-Tier1", 5_000),
        tier2: thousands("Requests-INT-Tier2", 400),
        stored: standing("TimedStorage-INT-FA-ByteHrs", 23_000),
        stored_by: "IntelligentTieringFAStorage",
        small: None,
        retrieved: None,
        moved_by: "S3-INTTransition",
    },
    OfClass {
        tier1: thousands("Requests-GLACIER-Tier1", 30_000),
        tier2: thousands("Requests-GLACIER-Tier2", 400),
        stored: standing("TimedStorage-GlacierByteHrs", 3_600),
        stored_by: "GlacierStorage",
        small: None,
        retrieved: None,
        moved_by: "S3-GlacierTransition",
    },
    OfClass {
        tier1: thousands("Requests-GDA-Tier1", 50_000),
        tier2: thousands("Requests-GDA-Tier2", 400),
        stored: standing("TimedStorage-GDA-ByteHrs", 990),
        stored_by: "DeepArchiveStorage",
        small: None,
        retrieved: None,
        moved_by: "S3-GDATransition",
    },
    OfClass {
        tier1: thousands("Requests-GIR-Tier1", 20_000),
        tier2: thousands("Requests-GIR-Tier2", 10_000),
        stored: standing("TimedStorage-GIR-ByteHrs", 4_000),
        stored_by: "GlacierInstantRetrievalStorage",
        small: Some((standing("TimedStorage-GIR-SmObjects", 4_000), "GlacierInstantRetrievalSizeOverhead")),
        retrieved: Some(gigabytes("Retrieval-GIR", 30_000)),
        moved_by: "S3-GIRTransition",
    },
];

pub(super) fn of(class: StorageClass) -> &'static OfClass {
    let at = StorageClass::ALL.iter().position(|known| *known == class).unwrap_or(0);
    &CLASSES[at]
}

static INFREQUENT: Kind = standing("TimedStorage-INT-IA-ByteHrs", 12_500);
static INSTANT: Kind = standing("TimedStorage-INT-AIA-ByteHrs", 4_000);
static ARCHIVE: Kind = standing("TimedStorage-INT-AA-ByteHrs", 3_600);
static DEEP: Kind = standing("TimedStorage-INT-DAA-ByteHrs", 990);

/// What is kept in a tier of Intelligent-Tiering, and in which operation's name.
pub(super) fn tiered(tier: AccessTier) -> (&'static Kind, &'static str) {
    let kind = match tier {
        AccessTier::Frequent => &of(StorageClass::IntelligentTiering).stored,
        AccessTier::Infrequent => &INFREQUENT,
        AccessTier::ArchiveInstant => &INSTANT,
        AccessTier::Archive => &ARCHIVE,
        AccessTier::DeepArchive => &DEEP,
    };
    (kind, stored_in(tier))
}

/// As usage reports and metrics name it.
pub(crate) fn stored_in(tier: AccessTier) -> &'static str {
    match tier {
        AccessTier::Frequent => "IntelligentTieringFAStorage",
        AccessTier::Infrequent => "IntelligentTieringIAStorage",
        AccessTier::ArchiveInstant => "IntelligentTieringAIAStorage",
        AccessTier::Archive => "IntelligentTieringAAStorage",
        AccessTier::DeepArchive => "IntelligentTieringDAAStorage",
    }
}

/// A request that writes an object of this class.
pub(crate) fn writes(class: StorageClass) -> &'static Kind {
    &of(class).tier1
}

/// A request that reads one.
pub(crate) fn reads(class: StorageClass) -> &'static Kind {
    &of(class).tier2
}

/// A request that begins an upload or sends a part of it. AWS: on their way to an archive they are Standard's.
pub(crate) fn uploads(class: StorageClass) -> &'static Kind {
    if class.is_archive() { &TIER1 } else { writes(class) }
}

/// Bytes that are read from this class, where that costs.
pub(crate) fn retrieved(class: StorageClass) -> Option<&'static Kind> {
    of(class).retrieved.as_ref()
}

/// A request to restore an archived object, and the bytes that it brings back.
pub(crate) fn restores(class: StorageClass, tier: &str) -> (&'static Kind, &'static Kind) {
    match (class, tier) {
        (StorageClass::DeepArchive, "Bulk") => (&DEEP_TIER5, &RETRIEVED_BULK),
        (StorageClass::DeepArchive, _) => (&DEEP_TIER3, &RETRIEVED_STANDARD),
        (_, "Bulk") => (&TIER5, &RETRIEVED_BULK),
        (_, "Expedited") => (&TIER6, &RETRIEVED_EXPEDITED),
        _ => (&TIER3, &RETRIEVED_STANDARD),
    }
}

/// A move into this class by a lifecycle rule, and in which operation's name.
pub(crate) fn moves(class: StorageClass) -> (&'static Kind, &'static str) {
    let kind = if class.is_archive() { &TIER3 } else { &TIER4 };
    (kind, of(class).moved_by)
}

#[cfg(test)]
mod tests {
    use super::{moves, of, restores, uploads, writes};
    use crate::s3::model::object::StorageClass;

    #[test]
    fn each_class_has_its_own_words() {
        let words = StorageClass::ALL.map(|class| (class.name(), of(class).stored.usage_type));
        assert_eq!(
            words,
            [
                ("STANDARD", "TimedStorage-ByteHrs"),
                ("REDUCED_REDUNDANCY", "TimedStorage-RRS-ByteHrs"),
                ("STANDARD_IA", "TimedStorage-SIA-ByteHrs"),
                ("ONEZONE_IA", "TimedStorage-ZIA-ByteHrs"),
                ("INTELLIGENT_TIERING", "TimedStorage-INT-FA-ByteHrs"),
                ("GLACIER", "TimedStorage-GlacierByteHrs"),
                ("DEEP_ARCHIVE", "TimedStorage-GDA-ByteHrs"),
                ("GLACIER_IR", "TimedStorage-GIR-ByteHrs"),
            ]
        );
    }

    #[test]
    fn archives_are_filled_and_emptied_at_their_own_rates() {
        assert_eq!(writes(StorageClass::Glacier).usage_type, "Requests-GLACIER-Tier1");
        assert_eq!(uploads(StorageClass::Glacier).usage_type, "Requests-Tier1");
        assert_eq!(uploads(StorageClass::StandardIa).usage_type, "Requests-SIA-Tier1");
        let restored = |class, tier| {
            let (request, bytes) = restores(class, tier);
            (request.usage_type, bytes.usage_type)
        };
        assert_eq!(
            restored(StorageClass::Glacier, "Standard"),
            ("Requests-Tier3", "Standard-Retrieval-Bytes")
        );
        assert_eq!(
            restored(StorageClass::Glacier, "Expedited"),
            ("Requests-Tier6", "Expedited-Retrieval-Bytes")
        );
        assert_eq!(
            restored(StorageClass::DeepArchive, "Bulk"),
            ("Requests-GDA-Tier5", "Bulk-Retrieval-Bytes")
        );
        assert_eq!(moves(StorageClass::GlacierIr).0.usage_type, "Requests-Tier4");
        assert_eq!(moves(StorageClass::DeepArchive), (moves(StorageClass::Glacier).0, "S3-GDATransition"));
    }
}
