//! What approval would make of a draft: how many get it, who cannot be reached, and the mail of a few real people.

use super::fanout::Fanout;
use super::model::{Message, MessageState, Notice, NoticeState};
use super::recipients::Background;
use super::template::{self, Text};
use crate::access::{Action, Op};
use crate::error::{Error, Result};
use crate::incidents::permit;

/// Real mails that are shown at most.
pub const MOST_SAMPLES: usize = 5;

/// What approval would make now.
pub struct RecipientPreview {
    /// Messages that would go out.
    pub reachable: u64,
    /// Recipients whom no mail can reach: letters, telephone.
    pub unreachable: u64,
    /// Recipients who have been told already, and get nothing.
    pub told: u64,
    /// Mails of recipients spread over the list.
    pub samples: Vec<Sample>,
}

/// The mail of one recipient.
pub struct Sample {
    pub message: Message,
    /// Why there is none: what opening the address said.
    pub text: std::result::Result<Text, super::Reason>,
}

/// Does what approval does, sends nothing and keeps nothing. Names are opened for the samples: whoever may have letters printed may see
/// them, for a stated purpose, and each is recorded.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when it is no draft, `INVALID` for more samples than are shown or without a purpose, and those of permission.
pub async fn preview_recipients(op: &Op, notice: &Notice, samples: usize) -> Result<RecipientPreview> {
    let scope = permit(op, Action::Read, "letter", "notice").await?.within(notice.tenant, "notice")?;
    op.require_fresh(Action::Read, "letter").await?;
    if op.purpose().is_none() {
        return Err(Error::invalid("purpose", "is missing").remedy("say why the names are needed"));
    }
    if samples > MOST_SAMPLES {
        return Err(Error::invalid("samples", format!("wants at most {MOST_SAMPLES}")));
    }
    if notice.state != NoticeState::Draft {
        return Err(Error::conflict("it is no draft any more").remedy("look at its messages"));
    }
    let (mut reachable, mut unreachable) = (Spread::default(), 0);
    let told = {
        // Never committed.
        let tx = scope.begin().await?;
        let mut fanout = Fanout::begin(&scope, &tx, notice).await?;
        while let Some(messages) = fanout.next().await? {
            for message in messages {
                match message.state {
                    MessageState::Failed => unreachable += 1,
                    _ => reachable.push(message),
                }
            }
        }
        fanout.told
    };
    let (number, reachable) = (reachable.number, reachable.kept());
    let chosen: Vec<&Message> =
        spread(reachable.len(), samples).filter_map(|index| reachable.get(index)).collect();
    let mut background = Background::load(&scope, notice.clone(), &chosen).await?;
    // People belong to other tenants than the notice.
    let everywhere = op.permit(Action::Read, "letter").await?;
    background.open(&everywhere, &chosen).await?;
    let mut shown = Vec::with_capacity(chosen.len());
    for message in chosen {
        let text = match background.resolve(&everywhere, message).await? {
            Ok((_, known)) => {
                Ok(template::render(&notice.template, message.language, &known, &notice.variables)?)
            }
            Err(reason) => Err(reason),
        };
        shown.push(Sample { message: message.clone(), text });
    }
    Ok(RecipientPreview { reachable: number as u64, unreachable, told: told as u64, samples: shown })
}

/// Things of which so few are kept that they can be held, spread over all of them, however many come.
struct Spread<T> {
    /// How many came.
    number: usize,
    kept: Vec<T>,
    /// Each so many-th is kept.
    stride: usize,
    last: Option<T>,
}

impl<T> Default for Spread<T> {
    fn default() -> Self {
        Self { number: 0, kept: Vec::new(), stride: 1, last: None }
    }
}

impl<T> Spread<T> {
    /// Kept at most, the last one apart.
    const MOST: usize = 1000;

    fn push(&mut self, one: T) {
        if let Some(before) = self.last.replace(one)
            && (self.number - 1).is_multiple_of(self.stride)
        {
            self.kept.push(before);
            if self.kept.len() == Self::MOST {
                // Every second one: those of twice the stride.
                let mut place = 0;
                self.kept.retain(|_| {
                    place += 1;
                    place % 2 == 1
                });
                self.stride *= 2;
            }
        }
        self.number += 1;
    }

    /// The first and the last among them.
    fn kept(self) -> Vec<T> {
        self.kept.into_iter().chain(self.last).collect()
    }
}

/// `some` places of `all`, the first and the last among them.
fn spread(all: usize, some: usize) -> impl Iterator<Item = usize> {
    let some = some.min(all);
    (0..some).map(move |index| if some == 1 { 0 } else { index * (all - 1) / (some - 1) })
}

#[cfg(test)]
mod tests {
    use super::{Spread, spread};

    #[test]
    fn samples_are_spread_over_the_list_and_none_stands_twice() {
        let places = |all, some| spread(all, some).collect::<Vec<_>>();
        assert_eq!(places(100, 3), [0, 49, 99]);
        assert_eq!(places(2, 5), [0, 1]);
        assert_eq!(places(10, 1), [0]);
        assert_eq!(places(0, 3), Vec::<usize>::new());
        assert_eq!(places(6, 5), [0, 1, 2, 3, 5]);
    }

    #[test]
    fn few_are_kept_of_very_many_and_all_of_few() {
        for number in [0, 1, 2, 999, 1000, 1001, 4321, 270_000] {
            let mut spread = Spread::default();
            (0..number).for_each(|one| spread.push(one));
            assert_eq!(spread.number, number);
            let kept = spread.kept();
            assert!(
                kept.len() <= 1001 && (number > 1000 || kept.len() == number),
                "{number}: {}",
                kept.len()
            );
            assert_eq!(
                (kept.first(), kept.last()),
                ((number > 0).then_some(&0), number.checked_sub(1).as_ref())
            );
            let gaps = kept.windows(2).map(|two| two[1] - two[0]);
            assert!(gaps.clone().all(|gap| gap > 0 && gap <= number.div_ceil(400).max(1)), "{number}");
        }
    }
}
