import Moldau

func wrongKeyType(_ s: StreamsBuilder) {
    _ = s.stream(numbered).to(customers)
}
