extension Sequence {
    /// The elements in ascending order of what `key` takes of each; those with equal keys stay in their order.
    ///
    /// Compiled once and not for each type of elements, since a copy of the standard library's sort in every place
    /// takes a tenth of the time to build the engine. It is slower than `sorted(by:)` and allocates more, so what each
    /// commit sorts is sorted with that.
    @inline(never)
    @_semantics("optimize.sil.specialize.generic.never")
    package func sorted<Key: Comparable>(on key: (Element) -> Key) -> [Element] {
        sorted { key($0) < key($1) }
    }
}
