package otlpwire

// What pdata allocates for keys: it copies each.
const (
	plainKeyValueKeys = 8 + 8 // key, value
	plainValueKey     = 16    // stringValue, intValue
)

// plainKeyValue walks an attribute in the form that most senders write: a text
// or an integer, without white space and escapes. If it has any other form,
// plainKeyValue walks and counts nothing and reports false.
func (w *jsonWalker) plainKeyValue() bool {
	pos := w.pos
	key, ok := w.plainText(`{"key":"`)
	if ok && w.prefix(`,"value":`) {
		memory := w.memory
		if w.plainValue() && w.prefix("}") {
			w.memory -= plainKeyValueKeys + copySize(len(key))
			return true
		}
		w.memory = memory
	}
	w.pos = pos
	return false
}

// plainValue does the same for a value.
func (w *jsonWalker) plainValue() bool {
	pos, size := w.pos, int64(stringSize)
	text, ok := w.plainText(`{"stringValue":"`)
	if !ok {
		text, ok = w.plainText(`{"intValue":"`)
		ok = ok && validNumberText(kindInt64, text)
		size = numberSize
	}
	if ok && w.prefix("}") {
		w.memory -= plainValueKey + size + copySize(len(text))
		return true
	}
	w.pos = pos
	return false
}

// plainText consumes a prefix that ends with a quote and the string that begins
// there, if it has no escapes.
func (w *jsonWalker) plainText(prefix string) ([]byte, bool) {
	pos := w.pos
	if w.prefix(prefix) {
		w.pos-- // the quote
		if text, escaped, err := w.text(); err == nil && !escaped {
			return text, true
		}
	}
	w.pos = pos
	return nil, false
}

func (w *jsonWalker) prefix(prefix string) bool {
	if len(w.data)-w.pos < len(prefix) || string(w.data[w.pos:w.pos+len(prefix)]) != prefix {
		return false
	}
	w.pos += len(prefix)
	return true
}
