/// Marks a store that has no changelog of its own, because it can be restored from a topic that its task reads. A
/// commit writes nothing for it, and a restore reads the topic up to the committed position.
@usableFromInline package struct SourceChangelog: Sendable {
    /// The name of the store.
    @usableFromInline package let store: String
    /// The name of the topic in the topology.
    @usableFromInline package let topic: String
    /// The name of the node that reads the topic.
    @usableFromInline package let source: String
    /// Makes a head that writes records into the store and forwards nothing.
    @usableFromInline package let makeHead: TopologyNode.MakeHead

    /// A store that can be restored from a topic that its task reads.
    @usableFromInline package init(
        store: String, topic: String, source: String, makeHead: @escaping TopologyNode.MakeHead
    ) {
        self.store = store
        self.topic = topic
        self.source = source
        self.makeHead = makeHead
    }
}
