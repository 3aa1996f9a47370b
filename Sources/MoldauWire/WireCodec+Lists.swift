import MoldauRecords

// Lists, fields within fields, and tagged fields by type.
extension WireCodec {
    // MARK: Lists

    /// A list of elements that have fields.
    package mutating func callAsFunction<Element: WireFields>(
        _ name: StaticString, _ value: inout [Element], since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        var list: [Element]? = value
        value = []  // So that the list is not copied when an element changes.
        try visit(name, &list, isNullable: false) { wire, element throws(SerdeError) in try wire.element(&element) }
        value = list ?? []
    }

    /// A list of elements that have fields; it may be null.
    package mutating func callAsFunction<Element: WireFields>(
        _ name: StaticString, _ value: inout [Element]?, since: Int16 = 0, until: Int16 = .max, nullSince: Int16 = 0
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        try visit(name, &value, isNullable: version >= nullSince) { wire, element throws(SerdeError) in
            try wire.element(&element)
        }
    }

    /// A list of numbers.
    package mutating func callAsFunction<Number: WireNumber>(
        _ name: StaticString, _ value: inout [Number], since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        var list: [Number]? = value
        value = []
        try self.list(name, &list, isNullable: false)
        value = list ?? []
    }

    /// A list of numbers that may be null.
    package mutating func callAsFunction<Number: WireNumber>(
        _ name: StaticString, _ value: inout [Number]?, since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        try list(name, &value, isNullable: true)
    }

    private mutating func list<Number: WireNumber>(
        _ name: StaticString, _ value: inout [Number]?, isNullable: Bool
    ) throws(SerdeError) {
        try visit(name, &value, of: Number(bits: 0), size: Number.Bits.bitWidth / 8, isNullable: isNullable) {
            wire, element throws(SerdeError) in try wire("", &element)
        }
    }

    /// A list of texts.
    package mutating func callAsFunction(
        _ name: StaticString, _ value: inout [String], since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        var list: [String]? = value
        value = []
        try texts(name, &list, isNullable: false)
        value = list ?? []
    }

    /// A list of texts that may be null.
    package mutating func callAsFunction(
        _ name: StaticString, _ value: inout [String]?, since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        try texts(name, &value, isNullable: true)
    }

    private mutating func texts(
        _ name: StaticString, _ value: inout [String]?, isNullable: Bool
    ) throws(SerdeError) {
        try visit(name, &value, of: "", size: isFlexible ? 1 : 2, isNullable: isNullable) {
            wire, element throws(SerdeError) in try wire("", &element)
        }
    }

    private mutating func visit<Element: WireFields>(
        _ name: StaticString, _ value: inout [Element]?, isNullable: Bool,
        _ visitElement: (inout WireCodec, inout Element) throws(SerdeError) -> Void
    ) throws(SerdeError) {
        try visit(name, &value, of: Element(), size: 1, isNullable: isNullable, visitElement)
    }

    /// Runs through the elements of a list.
    /// - Parameters:
    ///   - blank: the value of an element before it is read.
    ///   - size: the minimum size of an element in bytes.
    @inline(__always)
    private mutating func visit<Element>(
        _ name: StaticString, _ value: inout [Element]?, of blank: Element, size: Int, isNullable: Bool,
        _ visitElement: (inout WireCodec, inout Element) throws(SerdeError) -> Void
    ) throws(SerdeError) {
        if writer != nil {
            try writeLength(value?.count ?? (isNullable ? nil : 0), Int32.self)
            guard let value else { return }
            for var element in value { try visitElement(&self, &element) }
        } else if let visitor {
            var count = value?.count
            visitor.beginList(name.description, count: &count, isNullable: isNullable)
            value = count.map { count in
                let kept = (value ?? []).prefix(count)
                return kept + Array(repeating: blank, count: count - kept.count)
            }
            for index in 0..<(count ?? 0) { try visitElement(&self, &value![index]) }  // Counted above.
            visitor.end()
        } else {
            let stride = MemoryLayout<Element>.stride
            guard let count = try readCount(name, ofSize: size, stride: stride, isNullable: isNullable) else {
                value = nil
                return
            }
            var elements: [Element] = []
            elements.reserveCapacity(count)
            for _ in 0..<count {
                var element = blank
                try visitElement(&self, &element)
                elements.append(element)
            }
            value = elements
        }
    }

    private mutating func element(_ value: inout some WireFields) throws(SerdeError) {
        guard let visitor else { return try message(&value) }
        var isPresent = true
        visitor.beginFields("", isPresent: &isPresent, isNullable: false)
        try message(&value)
        visitor.end()
    }

    // MARK: Fields within fields

    /// Fields within a field.
    package mutating func callAsFunction(
        _ name: StaticString, _ value: inout some WireFields, since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        guard let visitor else { return try message(&value) }
        var isPresent = true
        visitor.beginFields(name.description, isPresent: &isPresent, isNullable: false)
        try message(&value)
        visitor.end()
    }

    /// Fields within a field that may be null.
    package mutating func callAsFunction<Value: WireFields>(
        _ name: StaticString, _ value: inout Value?
    ) throws(SerdeError) {
        if let writer {
            writer.pointee.append(bigEndian: Int8(value == nil ? -1 : 1))
            if var fields = value { try message(&fields) }
        } else if let visitor {
            var isPresent = value != nil
            visitor.beginFields(name.description, isPresent: &isPresent, isNullable: true)
            var fields = value ?? Value()
            if isPresent { try message(&fields) }
            value = isPresent ? fields : nil
            visitor.end()
        } else {
            value = nil
            guard try reader.number(Int8.self) >= 0 else { return }
            var fields = Value()
            try message(&fields)
            value = fields
        }
    }

    // MARK: Tagged fields

    /// A tagged number.
    package mutating func tag<Number: WireNumber>(
        _ tag: UInt32, _ name: StaticString, _ value: inout Number, default standard: Number, since: Int16 = 0
    ) throws(SerdeError) {
        guard version >= since else { return }
        try self.tag(tag, isSet: value != standard) { wire throws(SerdeError) in try wire(name, &value) }
    }

    /// A tagged truth value; false by default.
    package mutating func tag(
        _ tag: UInt32, _ name: StaticString, _ value: inout Bool, since: Int16 = 0
    ) throws(SerdeError) {
        guard version >= since else { return }
        try self.tag(tag, isSet: value) { wire throws(SerdeError) in try wire(name, &value) }
    }

    /// A tagged id; all zeros by default.
    package mutating func tag(
        _ tag: UInt32, _ name: StaticString, _ value: inout TopicID, since: Int16 = 0
    ) throws(SerdeError) {
        guard version >= since else { return }
        try self.tag(tag, isSet: value != .zero) { wire throws(SerdeError) in try wire(name, &value) }
    }

    /// A tagged text; null by default.
    package mutating func tag(
        _ tag: UInt32, _ name: StaticString, _ value: inout String?, since: Int16 = 0
    ) throws(SerdeError) {
        guard version >= since else { return }
        try self.tag(tag, isSet: value != nil) { wire throws(SerdeError) in try wire(name, &value) }
    }

    /// A tagged list; empty by default.
    package mutating func tag(
        _ tag: UInt32, _ name: StaticString, _ value: inout [some WireFields], since: Int16 = 0
    ) throws(SerdeError) {
        guard version >= since else { return }
        try self.tag(tag, isSet: !value.isEmpty) { wire throws(SerdeError) in try wire(name, &value) }
    }

    /// Tagged fields within a field; by default all of them have their defaults.
    package mutating func tag<Value: WireFields>(
        _ tag: UInt32, _ name: StaticString, _ value: inout Value, since: Int16 = 0
    ) throws(SerdeError) {
        guard version >= since else { return }
        try self.tag(tag, isSet: value != Value()) { wire throws(SerdeError) in try wire(name, &value) }
    }
}
