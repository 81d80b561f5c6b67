//! S3's usage types.

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

const fn standing(usage_type: &'static str) -> Kind {
    Kind::hours(PRODUCT, usage_type, "Byte-Hours")
}

/// From and to the internet.
pub(crate) static BYTES_IN: Kind = bytes("DataTransfer-In-Bytes");
pub(crate) static BYTES_OUT: Kind = bytes("DataTransfer-Out-Bytes");

pub(super) static TIER1: Kind = requests("Requests-Tier1");
pub(super) static TIER2: Kind = requests("Requests-Tier2");
static TIER3: Kind = requests("Requests-Tier3");
static TIER4: Kind = requests("Requests-Tier4");
static TIER5: Kind = requests("Requests-Tier5");
static TIER6: Kind = requests("Requests-Tier6");
static DEEP_TIER3: Kind = requests("Requests-GDA-Tier3");
static DEEP_TIER5: Kind = requests("Requests-GDA-Tier5");

static RETRIEVED_STANDARD: Kind = bytes("Standard-Retrieval-Bytes");
static RETRIEVED_BULK: Kind = bytes("Bulk-Retrieval-Bytes");
static RETRIEVED_EXPEDITED: Kind = bytes("Expedited-Retrieval-Bytes");

/// Everything that S3 Standard keeps, and what it keeps for other classes.
pub(super) static STANDARD: Kind = standing("TimedStorage-ByteHrs");
pub(super) static GLACIER_STAGING: Kind = standing("TimedStorage-GlacierStaging");
pub(super) static DEEP_STAGING: Kind = standing("TimedStorage-GDA-Staging");

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
        tier1: requests("Requests-Tier1"),
        tier2: requests("Requests-Tier2"),
        stored: standing("TimedStorage-ByteHrs"),
        stored_by: "StandardStorage",
        small: None,
        retrieved: None,
        moved_by: "",
    },
    OfClass {
        tier1: requests("Requests-Tier1"),
        tier2: requests("Requests-Tier2"),
        stored: standing("TimedStorage-RRS-ByteHrs"),
        stored_by: "ReducedRedundancyStorage",
        small: None,
        retrieved: None,
        moved_by: "",
    },
    OfClass {
        tier1: requests("Requests-SIA-Tier1"),
        tier2: requests("Requests-SIA-Tier2"),
        stored: standing("TimedStorage-SIA-ByteHrs"),
        stored_by: "StandardIAStorage",
        small: Some((standing("TimedStorage-SIA-SmObjects"), "StandardIASizeOverhead")),
        retrieved: Some(bytes("Retrieval-SIA")),
        moved_by: "S3-SIATransition",
    },
    OfClass {
        tier1: requests("Requests-ZIA-Tier1"),
        tier2: requests("Requests-ZIA-Tier2"),
        stored: standing("TimedStorage-ZIA-ByteHrs"),
        stored_by: "OneZoneIAStorage",
        small: Some((standing("TimedStorage-ZIA-SmObjects"), "OneZoneIASizeOverhead")),
        retrieved: Some(bytes("Retrieval-ZIA")),
        moved_by: "S3-ZIATransition",
    },
    OfClass {
        tier1: requests("Requests-INT-Tier1"),
        tier2: requests("Requests-INT-Tier2"),
        stored: standing("TimedStorage-INT-FA-ByteHrs"),
        stored_by: "IntelligentTieringFAStorage",
        small: None,
        retrieved: None,
        moved_by: "S3-INTTransition",
    },
    OfClass {
        tier1: requests("Requests-GLACIER-Tier1"),
        tier2: requests("Requests-GLACIER-Tier2"),
        stored: standing("TimedStorage-GlacierByteHrs"),
        stored_by: "GlacierStorage",
        small: None,
        retrieved: None,
        moved_by: "S3-GlacierTransition",
    },
    OfClass {
        tier1: requests("Requests-GDA-Tier1"),
        tier2: requests("Requests-GDA-Tier2"),
        stored: standing("TimedStorage-GDA-ByteHrs"),
        stored_by: "DeepArchiveStorage",
        small: None,
        retrieved: None,
        moved_by: "S3-GDATransition",
    },
    OfClass {
        tier1: requests("Requests-GIR-Tier1"),
        tier2: requests("Requests-GIR-Tier2"),
        stored: standing("TimedStorage-GIR-ByteHrs"),
        stored_by: "GlacierInstantRetrievalStorage",
        small: Some((standing("TimedStorage-GIR-SmObjects"), "GlacierInstantRetrievalSizeOverhead")),
        retrieved: Some(bytes("Retrieval-GIR")),
        moved_by: "S3-GIRTransition",
    },
];

pub(super) fn of(class: StorageClass) -> &'static OfClass {
    let at = StorageClass::ALL.iter().position(|known| *known == class).unwrap_or(0);
    &CLASSES[at]
}

static INFREQUENT: Kind = standing("TimedStorage-INT-IA-ByteHrs");
static INSTANT: Kind = standing("TimedStorage-INT-AIA-ByteHrs");
static ARCHIVE: Kind = standing("TimedStorage-INT-AA-ByteHrs");
static DEEP: Kind = standing("TimedStorage-INT-DAA-ByteHrs");

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
