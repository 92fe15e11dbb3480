# The build that users run, through scripts/install.mjs. Developers build with CMakeLists.txt. Both take their sources
# and flags from native/sources.json and native/kernels/families.inc; every instruction set is a library with its flags.
{
  'variables': {
    'common_flags': ['<!@(node native/sources.mjs flags common)'],
  },
  'target_defaults': {
    'include_dirs': ['native'],
    'cflags': ['-Wall', '-Wextra'],
    'cflags!': ['-O2', '-Os'],
    'cflags_cc!': ['-std=gnu++14', '-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': ['-std=c++17', '<@(common_flags)'],
    'xcode_settings': {
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
      'CLANG_CXX_LIBRARY': 'libc++',
      'GCC_ENABLE_CPP_EXCEPTIONS': 'NO',
      'GCC_ENABLE_CPP_RTTI': 'NO',
      'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      'MACOSX_DEPLOYMENT_TARGET': '11.0',
      'WARNING_CFLAGS': ['-Wall', '-Wextra'],
      'OTHER_CPLUSPLUSFLAGS': ['<@(common_flags)'],
    },
  },
  'targets': [
    {
      'target_name': 'brawn_ref',
      'type': 'static_library',
      'sources': ['<!@(node native/sources.mjs ref)'],
    },
    {
      'target_name': 'brawn',
      'sources': ['<!@(node native/sources.mjs core)', '<!@(node native/sources.mjs addon)'],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS'],
      'dependencies': ['brawn_ref'],
      'conditions': [
        ['target_arch=="x64"', { 'dependencies': ['brawn_avx2', 'brawn_avx512'] }],
        ['target_arch=="arm64"', { 'dependencies': ['brawn_neon'] }],
        ['OS=="linux"', { 'libraries': ['-pthread', '-ldl'] }],
      ],
    },
  ],
  'conditions': [
    ['target_arch=="x64"', {
      'targets': [
        {
          'target_name': 'brawn_avx2',
          'type': 'static_library',
          'sources': ['<!@(node native/sources.mjs avx2)'],
          'cflags_cc': ['<!@(node native/sources.mjs flags avx2)'],
          'xcode_settings': { 'OTHER_CPLUSPLUSFLAGS': ['<!@(node native/sources.mjs flags avx2)'] },
        },
        {
          'target_name': 'brawn_avx512',
          'type': 'static_library',
          'sources': ['<!@(node native/sources.mjs avx512)'],
          'cflags_cc': ['<!@(node native/sources.mjs flags avx512)'],
          'xcode_settings': { 'OTHER_CPLUSPLUSFLAGS': ['<!@(node native/sources.mjs flags avx512)'] },
        },
      ],
    }],
    ['target_arch=="arm64"', {
      'targets': [
        {
          'target_name': 'brawn_neon',
          'type': 'static_library',
          'sources': ['<!@(node native/sources.mjs neon)'],
        },
      ],
    }],
  ],
}
