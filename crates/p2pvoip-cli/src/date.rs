//! Dates as people read them: year, month and day in UTC.

use p2pvoip::core::UnixTime;

/// Days from 0000-03-01 to 1970-01-01, and in 400 years.
const EPOCH: u64 = 719_468;
const ERA: u64 = 146_097;

/// `2026-11-23`, by the proleptic Gregorian calendar.
pub(crate) fn of(time: UnixTime) -> String {
    // Years begin in March here, so that the day that some years have more is their last.
    let days = time.day() + EPOCH;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_800_000_000, "2027-01-15"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(of(UnixTime::from_secs(seconds)), text);
        }
    }
}
