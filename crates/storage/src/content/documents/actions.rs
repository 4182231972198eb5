//! Actions that run without a click, and files that a document carries, over all its objects.
//!
//! A dictionary may hold an action, the actions on events or the data of a file itself, or refer to
//! another object by its number. So the references and the objects they may mean are noted while
//! the objects are read, and compared at the end.

use std::collections::{HashMap, HashSet};

use super::{super::error::Refusal, tokens::Token};

/// Names that only active content has, after the resolution of escapes.
const ACTIVE: &[(&[u8], &str)] = &[
    (b"JavaScript", "JavaScript"),
    (b"Launch", "commands to other programs"),
    (b"EmbeddedFile", "embedded files"),
    (b"EmbeddedFiles", "embedded files"),
    (b"FileAttachment", "embedded files"),
    (b"RichMedia", "rich media"),
    (b"RichMediaExecute", "rich media"),
    (b"Rendition", "rich media"),
    (b"Movie", "rich media"),
    (b"XFA", "an XFA form"),
    (b"SubmitForm", "a form that sends data"),
    (b"ImportData", "a form that reads files"),
    (b"GoToE", "links into other files"),
    (b"GoToR", "links into other files"),
];

const ON_OPENING: Refusal = Refusal::Active("an action on opening");

/// Names of events in dictionaries of additional actions, whose own name is too short to be
/// unambiguous.
const EVENTS: &[&[u8]] = &[
    b"E", b"X", b"D", b"U", b"Fo", b"Bl", b"PO", b"PC", b"PV", b"PI", b"O", b"C", b"K", b"F", b"V", b"WC",
    b"WS", b"DS", b"WP", b"DP",
];

/// Keys of dictionaries of embedded files.
const PLATFORMS: &[&[u8]] = &[b"F", b"UF", b"DOS", b"Mac", b"Unix"];

/// Refuses a name that only active content has.
pub(super) fn passive(name: &[u8]) -> Result<(), Refusal> {
    match ACTIVE.iter().find(|(active, _)| *active == name) {
        Some((_, content)) => Err(Refusal::Active(content)),
        None => Ok(()),
    }
}

/// A dictionary that holds nothing but active content. Its key may also be the name of a font.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    Events,
    Files,
}

impl Role {
    fn of(key: &[u8]) -> Option<Self> {
        match key {
            b"AA" => Some(Self::Events),
            b"EF" => Some(Self::Files),
            _ => None,
        }
    }

    fn has(self, key: &[u8]) -> bool {
        let keys = match self {
            Self::Events => EVENTS,
            Self::Files => PLATFORMS,
        };
        keys.contains(&key)
    }

    fn refusal(self) -> Refusal {
        Refusal::Active(match self {
            Self::Events => "actions on events",
            Self::Files => "embedded files",
        })
    }
}

/// The number of the object that a word begins to refer to. Readers need no space behind it.
fn reference(word: &[u8]) -> Option<u32> {
    let word = word.strip_prefix(b"+").unwrap_or(word);
    let digits = word.iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(word.get(..digits)?).ok()?.parse().ok()
}

/// The meaning of an object for those that refer to it.
#[derive(Debug, Default, Clone)]
pub(super) struct Meaning {
    /// It has an action other than a jump to a page.
    acts: bool,
    has_events: bool,
    has_files: bool,
    /// Objects that it stands for or that run behind it.
    next: Vec<u32>,
}

impl Meaning {
    fn has(&self, role: Role) -> bool {
        match role {
            Role::Events => self.has_events,
            Role::Files => self.has_files,
        }
    }

    fn is_empty(&self) -> bool {
        !self.acts && !self.has_events && !self.has_files && self.next.is_empty()
    }

    fn add(&mut self, other: &Self) {
        self.acts |= other.acts;
        self.has_events |= other.has_events;
        self.has_files |= other.has_files;
        self.next.extend(&other.next);
    }
}

/// References and meanings of the objects of a document.
#[derive(Debug, Default)]
pub(super) struct Actions {
    opening: HashSet<u32>,
    roles: HashSet<(Role, u32)>,
    meanings: HashMap<u32, Meaning>,
    /// The meaning of objects whose number is unknown.
    unknown: Meaning,
}

impl Actions {
    /// Notes the meaning of the object with this number.
    pub(super) fn note(&mut self, number: Option<u32>, meaning: &Meaning) {
        match number {
            _ if meaning.is_empty() => {}
            Some(number) => self.meanings.entry(number).or_default().add(meaning),
            None => self.unknown.add(meaning),
        }
    }

    /// The objects that these stand for, with themselves.
    fn reached(&self, mut numbers: Vec<u32>) -> impl Iterator<Item = &Meaning> {
        let mut seen: HashSet<u32> = numbers.iter().copied().collect();
        let mut found = Vec::new();
        if !numbers.is_empty() {
            found.push(&self.unknown);
            numbers.extend(self.unknown.next.iter().filter(|next| seen.insert(**next)));
        }
        while let Some(number) = numbers.pop() {
            if let Some(meaning) = self.meanings.get(&number) {
                found.push(meaning);
                numbers.extend(meaning.next.iter().filter(|next| seen.insert(**next)));
            }
        }
        found.into_iter()
    }

    /// Refuses references to active content.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.reached(self.opening.iter().copied().collect()).any(|meaning| meaning.acts) {
            return Err(ON_OPENING);
        }
        for role in [Role::Events, Role::Files] {
            let numbers = self.roles.iter().filter(|(of, _)| *of == role).map(|(_, number)| *number);
            if self.reached(numbers.collect()).any(|meaning| meaning.has(role)) {
                return Err(role.refusal());
            }
        }
        Ok(())
    }
}

/// Meaning of the tokens so far for the next one.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// The last name, if no other token followed.
    last: Vec<u8>,
    tokens: usize,
    depth: usize,
    lists: usize,
    /// Depth of the action that runs when the document is opened.
    opening: Option<usize>,
    /// Depths of the dictionaries with a role.
    roles: Vec<(Role, usize)>,
    /// Lists at the beginning of the list of the actions that follow.
    next: Option<usize>,
    meaning: Meaning,
}

impl Context {
    pub(super) fn meaning(&self) -> &Meaning {
        &self.meaning
    }

    /// Whether a whole value has been read. A reference has three words.
    pub(super) fn is_complete(&self) -> bool {
        self.depth == 0 && self.lists == 0 && self.tokens > 2
    }

    /// Notes that a name is followed by a dictionary or by a reference.
    fn holds(&mut self, name: &[u8]) -> Result<(), Refusal> {
        if let Some((role, _)) = self.roles.last().filter(|(role, at)| *at == self.depth && role.has(name)) {
            return Err(role.refusal());
        }
        if self.depth == 1 {
            self.meaning.has_events |= Role::Events.has(name);
            self.meaning.has_files |= Role::Files.has(name);
        }
        Ok(())
    }

    fn word(&mut self, name: &[u8], word: &[u8], actions: &mut Actions) -> Result<(), Refusal> {
        let number = reference(word);
        if number.is_some() {
            self.holds(name)?;
        }
        let is_next = name == b"Next" || self.next.is_some() || self.depth == 0 && self.tokens == 1;
        match (name, number) {
            (b"OpenAction", Some(number)) => drop(actions.opening.insert(number)),
            (b"OpenAction", None) if !matches!(word, b"null" | b"true" | b"false") => return Err(ON_OPENING),
            // The type of an action, elsewhere.
            (b"S", _) => self.acts()?,
            (key, Some(number)) => {
                if let Some(role) = Role::of(key) {
                    actions.roles.insert((role, number));
                }
                if is_next {
                    self.meaning.next.push(number);
                    if self.opening.is_some() {
                        actions.opening.insert(number);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes an action that is no jump.
    fn acts(&mut self) -> Result<(), Refusal> {
        self.meaning.acts = true;
        if self.opening.is_some() { Err(ON_OPENING) } else { Ok(()) }
    }

    /// Reads a token.
    pub(super) fn read(&mut self, token: &Token<'_>, actions: &mut Actions) -> Result<(), Refusal> {
        let last = std::mem::take(&mut self.last);
        self.tokens += 1;
        match token {
            Token::Name(name) => {
                passive(name)?;
                // A jump to a page is the only action that many programs write.
                if name == b"URI" || last == b"S" && name != b"GoTo" {
                    self.acts()?;
                }
                self.last.clone_from(name);
            }
            Token::Open => {
                self.holds(&last)?;
                self.depth += 1;
                if last == b"OpenAction" {
                    self.opening = self.opening.or(Some(self.depth));
                }
                self.roles.extend(Role::of(&last).map(|role| (role, self.depth)));
            }
            Token::Close => {
                self.opening = self.opening.filter(|at| *at != self.depth);
                self.roles.pop_if(|(_, at)| *at == self.depth);
                self.depth = self.depth.saturating_sub(1);
                // A dictionary is a whole value.
                self.tokens += 2;
            }
            Token::List => {
                self.lists += 1;
                if last == b"Next" {
                    self.next = self.next.or(Some(self.lists));
                }
            }
            Token::ListEnd => {
                self.next = self.next.filter(|at| *at != self.lists);
                self.lists = self.lists.saturating_sub(1);
            }
            Token::Text if last == b"JS" => return Err(Refusal::Active("JavaScript")),
            Token::Word(word) => self.word(&last, word, actions)?,
            Token::Text | Token::Other => {}
        }
        Ok(())
    }
}
