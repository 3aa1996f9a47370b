import Moldau

func engineIsOutOfReach(_ context: ProcessorContext<String, String>) {
    context.node.task.commitRequested = true
}
