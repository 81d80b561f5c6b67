//! Days and dates of the Gregorian calendar. Pure arithmetic, by Howard Hinnant's algorithms: it counts eras of 400 years
//! from a March, since then the leap day is the last of its year and needs no special case.

/// Days since 1970-01-01 of a date.
pub fn days(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date (year, month, day) of a number of days since 1970-01-01.
pub fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{date, days};

    #[test]
    fn dates_are_days_and_back() {
        for (year, month, day, number) in [
            (1970, 1, 1, 0),
            (1969, 12, 31, -1),
            (2000, 2, 29, 11_016),
            (2026, 11, 27, 20_784),
            (9999, 12, 31, 2_932_896),
        ] {
            assert_eq!(days(year, month, day), number);
            assert_eq!(date(number), (year, i64::from(month), i64::from(day)));
        }
    }
}
