//! The choice between two ways to read a page of a search: from the index of words, whose matches
//! are sorted, or along the list, each row of which is tested. The first takes a time that grows
//! with the matches, the second one that grows with the rows between them.

use inspection_domain::{page::Total, search::Search};

/// Number of objects whose words are sampled.
pub(crate) const SAMPLED: i64 = 1000;

/// Samples with fewer objects say too little.
const FEWEST: usize = 100;

/// The time of a match from the index and its sorting, compared with that of a row of the list.
const TIME_OF_MATCH: i64 = 4;

/// A word that so many times more objects have costs more in the index than to test the matches of
/// the others.
const TOO_FREQUENT: i64 = 10;

/// Rows that are read in any case before a search turns to the index.
const FEWEST_WALKED: i64 = 2000;

/// Rows that are read at most to count the matches among them.
const MOST_COUNTED: i64 = 60_000;

/// Rows that are read for each expected match beyond the exact totals, and some more.
const COUNTED_MATCHES: i64 = 12_000;

/// Matches in the sample, and matches that they stand for, from which on a list is certain to have
/// more than are counted exactly.
const CERTAIN: (i64, i64) = (20, 30_000);

/// The words of some objects of a kind, evenly spread over their ids.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The words of each object, with a blank before each word.
    objects: Vec<String>,
    /// The estimated number of objects.
    number: i64,
}

impl Sample {
    /// The sample from the words at [`SAMPLED`] ids, some of which may have no object, among a span
    /// of ids.
    pub(crate) fn new(words: impl IntoIterator<Item = Option<String>>, span: i64) -> Self {
        let objects: Vec<String> = words.into_iter().flatten().map(|words| format!(" {words}")).collect();
        let sampled = i64::try_from(objects.len()).unwrap_or(SAMPLED);
        let number = i128::from(span) * i128::from(sampled) / i128::from(SAMPLED);
        Self { objects, number: i64::try_from(number).unwrap_or(i64::MAX) }
    }

    /// The number of sampled objects that have one of the words of each of the groups.
    fn matches<'a>(&self, groups: impl IntoIterator<Item = &'a Vec<String>>) -> i64 {
        let groups: Vec<Vec<String>> = groups.into_iter().map(|group| begins(group)).collect();
        let has = |object: &&String| {
            groups.iter().all(|group| group.iter().any(|word| object.contains(word.as_str())))
        };
        i64::try_from(self.objects.iter().filter(has).count()).unwrap_or(i64::MAX)
    }
}

/// The beginnings of words with a blank before each, as in words with blanks between them.
pub(crate) fn begins(words: &[String]) -> Vec<String> {
    words.iter().map(|word| format!(" {word}")).collect()
}

/// The ways to find the objects of a search.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Groups of words that are looked up in the index.
    pub(crate) indexed: Vec<Vec<String>>,
    /// Groups of words that their matches are tested for.
    pub(crate) tested: Vec<Vec<String>>,
    /// The walk along the list, if it is expected to be faster.
    pub(crate) walk: Option<Walk>,
}

/// A walk along a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Rows to read for a page before a search turns to the index.
    pub(crate) window: i64,
    /// Rows to read for a total.
    pub(crate) counted: i64,
    /// The total of the list without other conditions, if it certainly exceeds the exact ones.
    pub(crate) total: Option<Total>,
}

impl Plan {
    /// The plan of a page that ends with a match of this number.
    pub(crate) fn new(search: Search, sample: &Sample, last: i64) -> Self {
        let groups = search.groups;
        let sampled = i64::try_from(sample.objects.len()).unwrap_or(i64::MAX);
        // A search without words finds nothing.
        if groups.is_empty() || sample.objects.len() < FEWEST {
            return Self { indexed: groups, tested: Vec::new(), walk: None };
        }
        let walk = walk(sample.matches(&groups), sampled, sample.number, last);
        let counted: Vec<(i64, Vec<String>)> =
            groups.into_iter().map(|group| (sample.matches([&group]), group)).collect();
        let rarest = counted.iter().map(|(matches, _)| *matches).min().unwrap_or_default().max(1);
        let (tested, indexed): (Vec<_>, Vec<_>) =
            counted.into_iter().partition(|(matches, _)| *matches > TOO_FREQUENT * rarest);
        let groups = |counted: Vec<(i64, Vec<String>)>| counted.into_iter().map(|(_, group)| group).collect();
        Self { indexed: groups(indexed), tested: groups(tested), walk }
    }
}

/// The walk to a match of a number, if it is faster than the index.
fn walk(matches: i64, sampled: i64, number: i64, last: i64) -> Option<Walk> {
    let rows_for = |wanted: i64| wanted.saturating_mul(sampled).checked_div(matches);
    let all = number.saturating_mul(matches).checked_div(sampled)?;
    let expected = rows_for(last).filter(|rows| *rows <= all.saturating_mul(TIME_OF_MATCH))?;
    let counted = rows_for(COUNTED_MATCHES).filter(|rows| *rows <= MOST_COUNTED);
    Some(Walk {
        window: expected.saturating_mul(2).saturating_add(FEWEST_WALKED),
        counted: counted.unwrap_or(FEWEST_WALKED),
        total: (matches >= CERTAIN.0 && all >= CERTAIN.1).then(|| Total::estimated(all)),
    })
}

#[cfg(test)]
mod tests {
    use inspection_domain::{page::COUNTED_EXACTLY, search::SearchedKind};
    use proptest::prelude::*;

    use super::*;

    /// A million objects, one in `each` of which has the word of that name.
    fn sample(each: &[usize], span: i64) -> Sample {
        let words = |n: usize| {
            let own = each.iter().filter(|each| n.is_multiple_of(**each)).map(|each| format!("dw{each}x"));
            Some(own.collect::<Vec<_>>().join(" "))
        };
        Sample::new((0..1000).map(words), span)
    }

    fn plan(text: &str, sample: &Sample, last: i64) -> Plan {
        Plan::new(Search::new(SearchedKind::Defect, text), sample, last)
    }

    fn group(word: &str) -> Vec<String> {
        vec![word.to_owned()]
    }

    #[test]
    fn frequent_words_are_found_along_the_list_and_rare_ones_in_the_index() {
        let sample = sample(&[1, 2, 20, 500], 1_000_000);
        for (text, walks, is_certain) in [
            ("w1x", true, true),
            ("w", true, true),
            ("w2x", true, true),
            ("w20", true, true),
            ("w500", false, false),
            ("w1x w500", false, false),
            ("absent", false, false),
            ("w1x absent", false, false),
        ] {
            let walk = plan(text, &sample, 21).walk;
            assert_eq!(walk.is_some(), walks, "{text}");
            assert_eq!(walk.is_some_and(|walk| walk.total.is_some()), is_certain, "{text}");
        }
        let walk = plan("w2x", &sample, 21).walk.expect("a walk");
        assert_eq!(walk, Walk { window: 2084, counted: 24_000, total: Some(Total::estimated(500_000)) });
        // Most of the way to a match far behind is one through the list, as without a search.
        assert!(plan("w1x", &sample, 1_000_000).walk.is_some());
        assert!(plan("w1x", &sample, i64::MAX).walk.is_none());
    }

    #[test]
    fn frequent_words_beside_rare_ones_are_tested() {
        let sample = sample(&[1, 2, 500], 1_000_000);
        let rare = plan("w1x w500x w2x", &sample, 21);
        assert_eq!((rare.indexed, rare.tested), (vec![group("dw500x")], vec![group("dw1x"), group("dw2x")]));
        let frequent = plan("w1x w2x", &sample, 21);
        assert_eq!((frequent.indexed, frequent.tested), (vec![group("dw1x"), group("dw2x")], vec![]));
    }

    #[test]
    fn searches_without_words_and_small_samples_are_left_to_the_index() {
        assert_eq!(
            plan("-", &sample(&[1], 1_000_000), 21),
            Plan { indexed: vec![], tested: vec![], walk: None }
        );
        let few = Sample::new((0..1000).map(|n| (n < 99).then(|| "dw".to_owned())), i64::MAX);
        assert_eq!(plan("w", &few, 21).walk, None);
        assert_eq!(plan("w", &Sample::new([], 0), 21).walk, None);
    }

    proptest! {
        #[test]
        fn each_group_is_used_and_windows_are_bounded(
            each in prop::collection::vec(1_usize..400, 1..4),
            span in 0..i64::MAX,
            last in 0_i64..i64::MAX,
        ) {
            let sample = sample(&each, span);
            let text = each.iter().map(|each| format!("w{each}x")).collect::<Vec<_>>().join(" ");
            let search = Search::new(SearchedKind::Defect, &text);
            let plan = Plan::new(search.clone(), &sample, last);
            let (mut used, mut all) = ([plan.indexed.clone(), plan.tested].concat(), search.groups);
            used.sort();
            all.sort();
            prop_assert_eq!(used, all);
            prop_assert!(!plan.indexed.is_empty());
            if let Some(walk) = plan.walk {
                prop_assert!(walk.counted <= MOST_COUNTED);
                prop_assert!(walk.window / 2 <= sample.number.saturating_mul(TIME_OF_MATCH).saturating_add(FEWEST_WALKED));
                prop_assert!(walk.total.is_none_or(|total| total.number > COUNTED_EXACTLY));
            }
        }
    }
}
