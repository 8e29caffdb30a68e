//! The macro that declares a kernel.

/// Declares a kernel once:
///
/// ```text
/// kernel! {
///     /// What it does.
///     pub struct Combine = combine;          // the type and the stem: shaders/combine.wgsl, src/kernel/combine.rs
///     shared { magnitude, block }            // files of shaders/shared in front of the shader, if there are any
///     behind { column_squares }              // files of shaders/shared behind it, if there are any
///     constants {                            // constants of the shader that Rust has as well, if there are any
///         /// Invocations of a workgroup.
///         pub LANES: u32 = 64,
///     }
///     compared { NOW = norm::NOW }           // and those that Rust has elsewhere, if there are any
///     /// What the parameters are.
///     params {
///         /// Rows of a state.
///         rows: u32,                         // u32, i32 or f32; an f32 is f64 in Rust
///     }
///     buffers {                              // at bindings 1, 2, ..
///         a: read vec4,                      // `read` or `write`; `number`, `vec4`, `bits`, `word` or `int`
///         out: write vec4,
///     }
/// }
/// ```
///
/// It makes `Combine` with its `Signature`, the constants, `Params`, and two structs with the names of the buffers:
/// `Buffers`, the arguments of a run in a plan, and `Views`, what the twin reads and writes.
macro_rules! kernel {
    (
        $(#[$doc:meta])*
        pub struct $kernel:ident = $stem:ident;
        $(shared { $($shared:ident),+ $(,)? })?
        $(behind { $($behind:ident),+ $(,)? })?
        $(constants { $($(#[$about:meta])* $visible:vis $constant:ident : $type:ty = $value:expr),+ $(,)? })?
        $(compared { $($elsewhere:ident = $other:expr),+ $(,)? })?
        $(#[$of_params:meta])*
        params { $($(#[$of_field:meta])* $field:ident : $kind:ident),+ $(,)? }
        buffers { $($buffer:ident : $access:ident $element:ident),+ $(,)? }
    ) => {
        $(#[$doc])*
        pub struct $kernel;

        $($($(#[$about])* $visible const $constant: $type = $value;)+)?

        $crate::kernel::signature::params! {
            $(#[$of_params])*
            pub struct Params { $($(#[$of_field])* $field: $kind,)+ }
        }

        #[doc = concat!("The buffers of a run of [`", stringify!($kernel), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub struct Buffers {
            $(
                #[doc = concat!("`", stringify!($buffer), "` of shaders/", stringify!($stem), ".wgsl, which says its shape.")]
                pub $buffer: $crate::kernel::signature::element!(@id $element),
            )+
        }

        impl $crate::kernel::signature::Arguments for Buffers {
            type Kernel = $kernel;

            fn ids(&self) -> Vec<$crate::kernel::signature::BufferId> {
                vec![$(self.$buffer.into(),)+]
            }
        }

        #[doc = concat!("The buffers of [`", stringify!($kernel), "`] as its twin sees them.")]
        pub struct Views<'a, T> {
            $(
                #[doc = concat!("`", stringify!($buffer), "` of shaders/", stringify!($stem), ".wgsl, without its members.")]
                pub $buffer: $crate::kernel::signature::element!(@view 'a T $access $element),
            )+
        }

        impl $crate::kernel::signature::Signature for $kernel {
            const NAME: &'static str = stringify!($stem);
            const PARTS: &'static [$crate::kernel::signature::Part] = &[
                $($($crate::kernel::shared::part::$shared,)+)?
                $crate::kernel::signature::Part {
                    stem: stringify!($stem),
                    source: include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"), "/shaders/", stringify!($stem), ".wgsl"
                    )),
                    constants: &[
                        $($((stringify!($constant), $constant as f64),)+)?
                        $($((stringify!($elsewhere), $other as f64),)+)?
                    ],
                },
                $($($crate::kernel::shared::part::$behind,)+)?
            ];
            const BUFFERS: &'static [$crate::kernel::signature::Binding] = &[$(
                $crate::kernel::signature::Binding {
                    name: stringify!($buffer),
                    access: $crate::kernel::signature::element!(@access $access),
                    element: $crate::kernel::signature::element!(@element $element),
                },
            )+];
            type Params = Params;
            type Buffers = Buffers;
            type Views<'a, T: 'a> = Views<'a, T>;

            fn views<'a, T>(views: &'a mut [$crate::kernel::signature::View<'_, T>]) -> Views<'a, T> {
                let [$($buffer,)+] = views else { unreachable!("a view for each binding") };
                Views { $($buffer: $crate::kernel::signature::element!(@take $buffer $access $element),)+ }
            }
        }
    };
}
pub(in crate::kernel) use kernel;

/// What `read vec4`, `write int` and so on mean.
macro_rules! element {
    (@access read) => { $crate::kernel::signature::Access::Read };
    (@access write) => { $crate::kernel::signature::Access::Write };
    (@element number) => { $crate::kernel::signature::Element::Number };
    (@element vec4) => { $crate::kernel::signature::Element::Vec4 };
    (@element bits) => { $crate::kernel::signature::Element::Bits };
    (@element word) => { $crate::kernel::signature::Element::Word };
    (@element int) => { $crate::kernel::signature::Element::Int };
    (@id word) => { $crate::kernel::signature::Words };
    (@id int) => { $crate::kernel::signature::Ints };
    (@id $number:ident) => { $crate::kernel::signature::Reals };
    (@view $life:lifetime $t:ident read word) => { &$life [u32] };
    (@view $life:lifetime $t:ident read int) => { &$life [i32] };
    (@view $life:lifetime $t:ident read $number:ident) => { &$life [$t] };
    (@view $life:lifetime $t:ident write word) => { &$life mut [u32] };
    (@view $life:lifetime $t:ident write int) => { &$life mut [i32] };
    (@view $life:lifetime $t:ident write $number:ident) => { &$life mut [$t] };
    (@take $view:ident read word) => { $view.word() };
    (@take $view:ident read int) => { $view.int() };
    (@take $view:ident read $number:ident) => { $view.real() };
    (@take $view:ident write word) => { $view.word_mut() };
    (@take $view:ident write int) => { $view.int_mut() };
    (@take $view:ident write $number:ident) => { $view.real_mut() };
}
pub(in crate::kernel) use element;
