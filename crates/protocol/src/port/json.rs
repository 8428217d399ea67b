//! JSON in the place of a browser's values, for native tests.

use serde_json::{Map, Value as Plain, json};

use super::{Value, Write, Writer};

impl Value for Plain {
    fn is_nothing(&self) -> bool {
        self.is_null()
    }

    fn is_record(&self) -> bool {
        self.is_object()
    }

    fn flag(&self) -> Option<bool> {
        self.as_bool()
    }

    fn number(&self) -> f64 {
        self.as_f64().unwrap_or(f64::NAN)
    }

    fn text(&self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }

    fn length(&self) -> Option<u32> {
        Some(self.as_array()?.len() as u32)
    }

    fn item(&self, index: u32) -> Self {
        self[index as usize].clone()
    }

    fn field(&self, name: &'static str) -> Self {
        self.get(name).cloned().unwrap_or_default()
    }

    fn variant(&self, names: &'static str) -> Option<(usize, Option<Self>)> {
        let (name, content) = match self {
            Plain::String(name) => (name, None),
            Plain::Object(fields) if fields.len() == 1 => {
                fields.iter().next().map(|(name, content)| (name, Some(content.clone())))?
            }
            _ => return None,
        };
        Some((names.split(' ').position(|known| known == name)?, content))
    }

    fn with_flag(&self, path: &'static str, flag: bool) -> Self {
        let mut copy = self.clone();
        *path.split(' ').fold(&mut copy, |place, name| &mut place[name]) = flag.into();
        copy
    }
}

impl Write<Json> for Plain {
    fn write(&self, at: &'static str, to: &mut Json) {
        to.put(at, self.clone());
    }
}

/// Writes JSON.
#[derive(Default)]
pub struct Json {
    /// The records and lists that are open, each with its name in the next outer one.
    open: Vec<(&'static str, Plain)>,
    done: Plain,
}

impl Json {
    /// A message as JSON.
    pub fn of(message: &impl Write<Json>) -> Plain {
        let mut writer = Json::default();
        message.write("", &mut writer);
        writer.done
    }

    fn put(&mut self, at: &'static str, value: Plain) {
        match self.open.last_mut() {
            Some((_, Plain::Object(fields))) => drop(fields.insert(at.to_owned(), value)),
            Some((_, Plain::Array(items))) => items.push(value),
            _ => self.done = value,
        }
    }
}

impl Writer for Json {
    fn nothing(&mut self, at: &'static str) {
        self.put(at, Plain::Null);
    }

    fn flag(&mut self, at: &'static str, flag: bool) {
        self.put(at, flag.into());
    }

    fn number(&mut self, at: &'static str, number: f64) {
        // JSON tells whole numbers from others, JavaScript does not.
        self.put(at, if number.fract() == 0.0 { json!(number as u64) } else { json!(number) });
    }

    fn text(&mut self, at: &'static str, text: &str) {
        self.put(at, text.into());
    }

    fn record(&mut self, at: &'static str) {
        self.open.push((at, Map::new().into()));
    }

    fn list(&mut self, at: &'static str) {
        self.open.push((at, Plain::Array(Vec::new())));
    }

    fn close(&mut self) {
        if let Some((at, value)) = self.open.pop() {
            self.put(at, value);
        }
    }
}
